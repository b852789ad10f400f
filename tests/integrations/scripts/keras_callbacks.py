"""A network in Keras with the callbacks for wandb.

With "checkpoint" each epoch is kept too, with "batches" each third batch, with "tables" examples and predictions.
"""

import sys

import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbEvalCallback, WandbMetricsLogger, WandbModelCheckpoint


class Examples(WandbEvalCallback):
    def add_ground_truth(self, logs=None):
        for number in range(4):
            picture = wandb.Image(np.full((4, 4, 3), 60 * number, dtype=np.uint8))
            self.data_table.add_data(number, picture, float(labels[number]))

    def add_model_predictions(self, epoch, logs=None):
        for number, picture, label in self.data_table_ref.data:
            guess = float(self.model.predict(points[number : number + 1], verbose=0)[0, 0])
            self.pred_table.add_data(epoch, number, picture, label, round(guess, 3))


keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)
points = rng.normal(size=(128, 4)).astype("float32")
labels = (points[:, 0] > 0).astype("float32")
with wandb.init(project="keras", name="dense", config={"units": 8}):
    model = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1, activation="sigmoid")])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    callbacks = [WandbMetricsLogger(log_freq=2)]
    if "checkpoint" in sys.argv:
        callbacks.append(WandbModelCheckpoint("models/{epoch:02d}.keras"))
    if "batches" in sys.argv:
        callbacks.append(WandbModelCheckpoint("models/{epoch:02d}-{batch:02d}.keras", save_freq=3))
    if "tables" in sys.argv:
        callbacks.append(Examples(["number", "picture", "label"], ["epoch", "number", "picture", "label", "guess"]))
    model.fit(points, labels, batch_size=32, epochs=3, validation_split=0.25, verbose=0, callbacks=callbacks)
