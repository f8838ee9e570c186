"""Images/s of torchvision: ImageFolder, RandomResizedCrop, flip, ToTensor, a DataLoader with 2 workers.

    python load_torchvision.py TREE SIDE BATCH EPOCHS
"""
import sys
import time

import torch
from torchvision import datasets, transforms

tree, side, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
scale = (0.08, 1) if side > 96 else (0.25, 1)
transform = transforms.Compose(
    [transforms.RandomResizedCrop(side, scale=scale), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
)
loader = torch.utils.data.DataLoader(
    datasets.ImageFolder(tree, transform), batch, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True
)
for _ in loader:  # Starts the workers and fills the page cache.
    pass
start = time.perf_counter()
images = sum(len(labels) for _ in range(epochs) for _, labels in loader)
print(images / (time.perf_counter() - start))
