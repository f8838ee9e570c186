"""PyTorch's side of the step-time benchmark: the 7^21 supernet (see src/space/presets.ts) as eager PyTorch, channels last.

Environment: bench/make-peer-environment.sh (torch 2.15.0 from PyPI). bench/step-time.ts starts this and talks to it by
lines of JSON, one answer a request:

    {"op": "config", "batch": 32, "resolution": 224, "classes": 1000, "threads": 2,
     "strides": [2, 2, 2, 2, 1, 2, 1], "learningRate": 0.01}       -> {"version": "PyTorch 2.15.0", "parameters": ...}
    {"op": "step", "path": [21 operation indices]}                 -> {"ms": ..., "loss": ..., "faults": ...}
    {"op": "forward", "path": [...]}                               -> {"ms": ..., "loss": ..., "faults": ...}
    {"op": "peak"}                                                 -> {"bytes": largest resident memory so far}

Operations in the order of the paths: e3k3 e3k5 e3k7 e6k3 e6k5 e6k7 skip. What is timed is the same work as ours: uint8
images to normalised floats, forward with batch statistics, cross-entropy with label smoothing 0.1, backward, SGD with Nesterov
momentum on the chosen path alone, weight decay on weights only.
"""

import json
import math
import resource
import sys
import time

import torch
from torch import nn

EXPANSIONS_AND_KERNELS = [(e, k) for e in (3, 6) for k in (3, 5, 7)]
STAGES = [(32, 4), (40, 4), (80, 4), (96, 4), (192, 4), (320, 1)]
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


class ConvolutionBlock(nn.Sequential):
    """Convolution, batch norm, activation if asked for."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1, activation=True):
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        nn.init.normal_(convolution.weight, 0.0, math.sqrt(2.0 / (kernel * kernel * outputs / groups)))
        # Ours keeps no running statistics while it trains; neither need PyTorch.
        layers = [convolution, nn.BatchNorm2d(outputs, track_running_stats=False)]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if activation else []))


class InvertedBottleneck(nn.Module):
    def __init__(self, inputs, outputs, expansion, kernel, stride):
        super().__init__()
        width = inputs * expansion
        expand = [ConvolutionBlock(inputs, width)] if expansion != 1 else []
        depthwise = ConvolutionBlock(width, width, kernel, stride, groups=width)
        self.body = nn.Sequential(*expand, depthwise, ConvolutionBlock(width, outputs, activation=False))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.body(x)
        return x + y if self.residual else y


class Supernet(nn.Module):
    """Every operation of every layer; `forward` runs those of one path."""

    def __init__(self, classes, strides):
        super().__init__()
        stem_stride, *stage_strides = strides
        self.stem = nn.Sequential(ConvolutionBlock(3, 32, 3, stem_stride), InvertedBottleneck(32, 16, 1, 3, 1))
        self.layers = nn.ModuleList()
        channels = 16
        for (width, count), stage_stride in zip(STAGES, stage_strides):
            for position in range(count):
                stride = stage_stride if position == 0 else 1
                operations = [InvertedBottleneck(channels, width, e, k, stride) for e, k in EXPANSIONS_AND_KERNELS]
                keeps_shape = stride == 1 and channels == width
                skip = nn.Identity() if keeps_shape else ConvolutionBlock(channels, width, 1, stride, activation=False)
                self.layers.append(nn.ModuleList([*operations, skip]))
                channels = width
        self.head = ConvolutionBlock(channels, 1280)
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x, path):
        x = self.stem(x)
        for operations, chosen in zip(self.layers, path, strict=True):
            x = operations[chosen](x)
        return self.classifier(self.head(x).mean((2, 3)))


class Benchmark:
    def __init__(self, batch, resolution, classes, threads, strides, learningRate):
        torch.set_num_threads(threads)
        # TensorFlow flushes denormal numbers to zero in its threads, so PyTorch may too.
        torch.set_flush_denormal(True)
        torch.manual_seed(0)
        self.net = Supernet(classes, strides).to(memory_format=torch.channels_last).train()
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim == 1]
        groups = [{"params": weights, "weight_decay": 4e-5}, {"params": others, "weight_decay": 0.0}]
        # Parameters outside the path have no gradient (None), and SGD leaves those and their momentum alone.
        self.optimizer = torch.optim.SGD(groups, lr=learningRate, momentum=0.9, nesterov=True, foreach=True)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        images = torch.randint(0, 256, (batch, 3, resolution, resolution), dtype=torch.uint8)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(0, classes, (batch,))
        self.mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
        self.scale = 1 / (torch.tensor(DEVIATION).view(1, 3, 1, 1) * 255)

    def loss(self, path):
        images = self.images.float().sub_(self.mean).mul_(self.scale)
        return self.criterion(self.net(images, path), self.labels)

    def step(self, path):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(path)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def forward(self, path):
        with torch.inference_mode():
            return self.loss(path).item()


def timed(function, path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    start = time.perf_counter()
    loss = function(path)
    milliseconds = (time.perf_counter() - start) * 1000
    return {"ms": milliseconds, "loss": loss, "faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before}


def main():
    benchmark = None
    for line in sys.stdin:
        request = json.loads(line)
        op = request.pop("op")
        if op == "config":
            benchmark = Benchmark(**request)
            parameters = sum(p.numel() for p in benchmark.net.parameters())
            answer = {"version": f"PyTorch {torch.__version__}", "parameters": parameters}
        elif op == "step":
            answer = timed(benchmark.step, request["path"])
        elif op == "forward":
            answer = timed(benchmark.forward, request["path"])
        elif op == "peak":
            # Linux counts kilobytes, macOS bytes.
            unit = 1 if sys.platform == "darwin" else 1024
            answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
        else:
            raise ValueError(f"op: {op!r}, allowed: config, step, forward, peak")
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
