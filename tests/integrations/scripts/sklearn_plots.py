"""The plots of scikit-learn's models that wandb makes."""

import warnings

import wandb
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split

warnings.simplefilter("ignore")
flowers = load_iris()
names = list(flowers.target_names)
train, test, train_labels, test_labels = train_test_split(flowers.data, flowers.target, random_state=0)
forest = RandomForestClassifier(n_estimators=5, random_state=0).fit(train, train_labels)
guesses, odds = forest.predict(test), forest.predict_proba(test)

with wandb.init(project="sklearn", name="classifier"):
    wandb.sklearn.plot_confusion_matrix(test_labels, guesses, names)
    wandb.sklearn.plot_roc(test_labels, odds, names)
    wandb.sklearn.plot_precision_recall(test_labels, odds, names)
    wandb.sklearn.plot_feature_importances(forest, flowers.feature_names)
    wandb.sklearn.plot_class_proportions(train_labels, test_labels, names)
    wandb.sklearn.plot_summary_metrics(forest, train, train_labels, test, test_labels)
    wandb.sklearn.plot_learning_curve(LogisticRegression(max_iter=500), train, train_labels)

with wandb.init(project="sklearn", name="all of a classifier"):
    wandb.sklearn.plot_classifier(forest, train, test, train_labels, test_labels, guesses, odds, names)

people = load_diabetes()
ridge = Ridge().fit(people.data[:300], people.target[:300])
with wandb.init(project="sklearn", name="regressor"):
    wandb.sklearn.plot_residuals(ridge, people.data[:300], people.target[:300])
    wandb.sklearn.plot_outlier_candidates(ridge, people.data[:300], people.target[:300])
    wandb.sklearn.plot_regressor(
        ridge, people.data[:300], people.data[300:], people.target[:300], people.target[300:], model_name="ridge"
    )

clusters = KMeans(n_clusters=3, n_init=2, random_state=0)
with wandb.init(project="sklearn", name="clusters"):
    wandb.sklearn.plot_elbow_curve(clusters, flowers.data, cluster_ranges=[2, 3, 4])
    wandb.sklearn.plot_silhouette(clusters.fit(flowers.data), flowers.data, flowers.target)
