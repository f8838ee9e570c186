"""Builds the network of an export folder with timm and loads its weights: model = load_network('folder').

Needs torch, timm and safetensors. Further arguments go to timm's EfficientNet (drop_rate, drop_path_rate, ...).
"""
import functools
import json
import pathlib

import torch
from safetensors.torch import load_file
from timm.models._efficientnet_blocks import SqueezeExcite
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.efficientnet import EfficientNet


def load_network(folder, pretrained=True, **arguments):
    folder = pathlib.Path(folder)
    description = json.loads((folder / 'model.json').read_text())
    spec = description['timm']
    model = EfficientNet(
        decode_arch_def(spec['arch_def']),
        se_layer=functools.partial(SqueezeExcite, **spec['se']),
        **{**spec['kwargs'], **arguments},
    )
    # Two things that timm's strings cannot say: a stem of another stride than 2, and a convolution without activation.
    model.conv_stem.stride = (spec['stem_stride'], spec['stem_stride'])
    for place in spec['linear_blocks']:
        stage, index = map(int, place.split('.'))
        model.blocks[stage][index].bn1.act = torch.nn.Identity()
    model.pretrained_cfg = description['pretrained_cfg']
    if pretrained:
        model.load_state_dict(load_file(folder / 'model.safetensors'))
    return model
