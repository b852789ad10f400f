"""A loop as segmentation repositories have it: ``resume="allow", anonymous="must"``, histograms, masks as pictures."""

import torch
import wandb

torch.manual_seed(0)
experiment = wandb.init(project="segmentation", resume="allow", anonymous="must")
experiment.config.update(dict(epochs=2, batch_size=4, learning_rate=1e-3, save_checkpoint=False, amp=False))
model = torch.nn.Conv2d(3, 2, 3, padding=1)
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
step = 0
for epoch in range(1, 3):
    for _ in range(3):
        images = torch.rand(4, 3, 16, 16)
        masks = (images.mean(1) > 0.5).long()
        loss = torch.nn.functional.cross_entropy(model(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        experiment.log({"train loss": loss.item(), "step": step, "epoch": epoch})
    histograms = {}
    for tag, value in model.named_parameters():
        histograms["Weights/" + tag] = wandb.Histogram(value.data.cpu())
        histograms["Gradients/" + tag] = wandb.Histogram(value.grad.data.cpu())
    experiment.log(
        {
            "learning rate": optimizer.param_groups[0]["lr"],
            "validation Dice": 0.5,
            "images": wandb.Image(images[0].cpu()),
            "masks": {
                "true": wandb.Image(masks[:1].float().cpu()),
                "pred": wandb.Image(model(images).argmax(dim=1)[:1].float().cpu()),
            },
            "step": step,
            "epoch": epoch,
            **histograms,
        }
    )
