"""PyTorch's side of the fixed-network benchmark: timm's EfficientNet of the same architecture, eager, channels last.

Environment: bench/make-peer-environment.sh (torch, timm from PyPI). bench/fixed-network.ts starts this and talks to it by lines
of JSON, one answer a request:

    {"op": "config", "timm": {the "timm" of an export's model.json}, "batch": 32, "resolution": 224, "classes": 1000,
     "threads": 2, "learningRate": 0.01, "workers": 1}     -> {"version": ..., "parameters": ...}
    {"op": "step"}                           -> {"ms": ..., "cpu": ..., "value": loss}
    {"op": "infer", "piece": 32}             -> the same, "value" the sum of the logits; "piece": images that go through together
    {"op": "peak"}                           -> {"bytes": largest resident memory so far}

What is timed is the same work as ours: uint8 images to normalised floats, then either forward, cross-entropy with label smoothing
0.1, backward, SGD with Nesterov momentum (its foreach form), weight decay on weights only; or logits, with each batch norm worked
into the convolution before it. Padding is PyTorch's symmetric one, which is faster than the TensorFlow-like one that an
export needs: the same number of multiply-adds. Several "workers" are Python threads that take pieces of the batch side by side, with
"threads" threads inside an operation.
"""

import concurrent.futures
import copy
import functools
import json
import resource
import sys
import time

import timm
import torch
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# Training steps before the network is folded, as on our side: statistics and biases are then not the initial ones.
STEPS_BEFORE = 3
PAIRS = {
    'InvertedResidual': {'conv_pw': 'bn1', 'conv_dw': 'bn2', 'conv_pwl': 'bn3'},
    'DepthwiseSeparableConv': {'conv_dw': 'bn1', 'conv_pw': 'bn2'},
    'ConvBnAct': {'conv': 'bn1'},
}


def build(spec):
    arguments = {**spec['kwargs'], 'pad_type': ''}
    se = functools.partial(SqueezeExcite, **spec['se'])
    model = EfficientNet(decode_arch_def(spec['arch_def']), se_layer=se, **arguments)
    model.conv_stem.stride = (spec['stem_stride'], spec['stem_stride'])
    for place in spec['linear_blocks']:
        stage, index = map(int, place.split('.'))
        model.blocks[stage][index].bn1.act = nn.Identity()
    return model.to(memory_format=torch.channels_last)


def fold(model):
    """Works every batch norm into the convolution before it; what is left of it is its activation."""
    def merge(owner, convolution_name, norm_name):
        convolution, norm = getattr(owner, convolution_name), getattr(owner, norm_name)
        weight, bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, norm.running_mean, norm.running_var,
                                            norm.eps, norm.weight, norm.bias)
        convolution.weight, convolution.bias = weight, bias
        setattr(owner, norm_name, norm.act)

    merge(model, 'conv_stem', 'bn1')
    merge(model, 'conv_head', 'bn2')
    for block in model.modules():
        for convolution_name, norm_name in PAIRS.get(type(block).__name__, {}).items():
            merge(block, convolution_name, norm_name)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    return model


class Benchmark:
    def __init__(self, timm, batch, resolution, classes, threads, learningRate, workers):
        torch.set_num_threads(threads)
        self.pool = None if workers == 1 else concurrent.futures.ThreadPoolExecutor(workers)
        # TensorFlow flushes denormal numbers to zero in its threads, so PyTorch may too.
        torch.set_flush_denormal(True)
        torch.manual_seed(0)
        self.net = build(timm).train()
        weights = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim == 1]
        groups = [{'params': weights, 'weight_decay': 4e-5}, {'params': others, 'weight_decay': 0.0}]
        self.optimizer = torch.optim.SGD(groups, lr=learningRate, momentum=0.9, nesterov=True, foreach=True)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        images = torch.randint(0, 256, (batch, 3, resolution, resolution), dtype=torch.uint8)
        self.images = images.contiguous(memory_format=torch.channels_last)
        self.labels = torch.randint(0, classes, (batch,))
        self.mean = torch.tensor(MEAN).view(1, 3, 1, 1) * 255
        self.scale = 1 / (torch.tensor(DEVIATION).view(1, 3, 1, 1) * 255)
        for _ in range(STEPS_BEFORE):
            self.step()
        self.folded = fold(copy.deepcopy(self.net).eval())

    def normalised(self, images):
        return images.float().sub_(self.mean).mul_(self.scale)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.criterion(self.net(self.normalised(self.images)), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def logits(self, images):
        with torch.inference_mode():
            # Each worker's own.
            torch.set_flush_denormal(True)
            return self.folded(self.normalised(images))

    def infer(self, piece):
        pieces = self.images.split(piece)
        run = map if self.pool is None else self.pool.map
        return torch.cat(list(run(self.logits, pieces))).sum().item()


def timed(function, *arguments):
    cpu, start = time.process_time(), time.perf_counter()
    value = function(*arguments)
    return {'ms': (time.perf_counter() - start) * 1000, 'cpu': (time.process_time() - cpu) * 1000, 'value': value}


def main():
    benchmark = None
    for line in sys.stdin:
        request = json.loads(line)
        op = request.pop('op')
        if op == 'config':
            benchmark = Benchmark(**request)
            parameters = sum(p.numel() for p in benchmark.net.parameters())
            answer = {'version': f'PyTorch {torch.__version__}, timm {timm.__version__}', 'parameters': parameters}
        elif op == 'step':
            answer = timed(benchmark.step)
        elif op == 'infer':
            answer = timed(benchmark.infer, request['piece'])
        elif op == 'peak':
            # Linux counts kilobytes, macOS bytes.
            unit = 1 if sys.platform == 'darwin' else 1024
            answer = {'bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
        else:
            raise ValueError(f'op: {op!r}, allowed: config, step, infer, peak')
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
