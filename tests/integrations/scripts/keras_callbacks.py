"""A network in Keras with the callbacks for wandb; with "checkpoint" each epoch is kept too."""

import sys

import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

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
    model.fit(points, labels, batch_size=32, epochs=3, validation_split=0.25, verbose=0, callbacks=callbacks)
