"""Lightning's WandbLogger: metrics, hyperparameters, ``watch``, ``log_image``, ``log_table``, ``log_text``.

With "ddp" it trains as two processes, with "model" each checkpoint is kept, with "best" the best and the last one at
the end.
"""

import sys

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger


class Line(L.LightningModule):
    def __init__(self, lr=0.1, width=4):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)

    def loss(self, batch):
        points, sums = batch
        return torch.nn.functional.mse_loss(self.layer(points), sums)

    def training_step(self, batch, _):
        loss = self.loss(batch)
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val/loss", self.loss(batch), sync_dist=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


def main():
    L.seed_everything(0)
    points = torch.randn(32, 4)
    data = torch.utils.data.TensorDataset(points, points.sum(1, keepdim=True))
    log_model = "all" if "model" in sys.argv else "best" in sys.argv
    logger = WandbLogger(project="lightning", name="line", log_model=log_model)
    model = Line()
    is_plain = len(sys.argv) == 1
    if is_plain:
        logger.watch(model, log="all", log_freq=2)
    processes = {"devices": 2, "strategy": "ddp"} if "ddp" in sys.argv else {"devices": 1}
    trainer = L.Trainer(
        logger=logger,
        max_epochs=2,
        log_every_n_steps=1,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=bool(log_model),
        callbacks=[ModelCheckpoint(monitor="val/loss", save_last=True)] if log_model else [],
        **processes,
    )
    trainer.fit(
        model, torch.utils.data.DataLoader(data, batch_size=8), torch.utils.data.DataLoader(data, batch_size=16)
    )
    if is_plain:
        logger.log_image("samples", [torch.rand(3, 8, 8), torch.rand(3, 8, 8)], caption=["one", "two"])
        logger.log_table("table", columns=["word", "score"], data=[["a", 0.5], ["b", 1.0]])
        logger.log_text("text", columns=["in", "out"], data=[["x", "y"]])


if __name__ == "__main__":
    main()
