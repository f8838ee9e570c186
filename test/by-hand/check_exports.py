"""Loads exports in Python and compares their logits with the reference; called by check-exports.ts: FOLDER onnx|savedmodel|safetensors."""
import json
import pathlib
import re
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
reference = folder / 'reference'
facts = json.loads((reference / 'facts.json').read_text())
count, side, classes = facts['images'], facts['side'], facts['classes']
images = np.frombuffer((reference / 'images.bin').read_bytes(), np.uint8).reshape(count, side, side, 3)
expected = np.frombuffer((reference / 'logits.bin').read_bytes(), np.float32).reshape(count, classes)
shares = images.astype(np.float32) / 255


def report(what, logits):
    logits = np.asarray(logits)
    other = int((logits.argmax(1) != expected.argmax(1)).sum())
    print(f'{what:44} largest difference {np.abs(logits - expected).max():.1e}, other top-1: {other}', flush=True)


def check_onnx():
    import onnx
    import onnxruntime

    for name in ('onnx', 'onnx-folded'):
        path = folder / name / 'model.onnx'
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path))
        report(f'{name}: onnx checker, onnxruntime', session.run(['logits'], {'images': shares.transpose(0, 3, 1, 2)})[0])


def check_savedmodel():
    import tensorflow as tf

    for name in ('savedmodel', 'savedmodel-folded', 'savedmodel-folded-cpu'):
        model = tf.saved_model.load(str(folder / name))
        output = model.signatures['serving_default'](images=tf.constant(images))
        report(f'{name}: tf.saved_model.load, bytes', output['logits'])
        assert (output['class'].numpy() == expected.argmax(1)).all()
        report(f'{name}: tf.saved_model.load, shares', model.signatures['serving_float'](images=tf.constant(shares))['logits'])
        weights = tf.train.load_checkpoint(str(folder / name / 'checkpoint' / 'weights'))
        sizes = [np.prod(shape) for key, shape in weights.get_variable_to_shape_map().items()
                 if not key.endswith(('/mean', '/variance'))]
        assert sum(sizes) == facts['params'], (sum(sizes), facts['params'])


def told_lines():
    """The Python blocks of the documentation that build the network, with where they stand."""
    root = pathlib.Path(__file__).parents[2]
    found = []
    for page in ('README.md', 'docs/pytorch.md'):
        blocks = re.findall(r'```python\n(.*?)```', (root / page).read_text(), re.DOTALL)
        found += [(page, block) for block in blocks if 'model = ' in block]
    assert any('decode_arch_def' in block for _, block in found), 'no page tells how timm alone builds the network'
    assert any('greedynas_timm' in block for _, block in found), 'no page tells how the helper builds the network'
    return found


def check_safetensors():
    import torch

    place = folder / 'safetensors'
    sys.path.insert(0, str(place))
    from greedynas_timm import load_network

    x = torch.from_numpy(shares.transpose(0, 3, 1, 2).copy())
    description = json.loads((place / 'model.json').read_text())
    colours = [torch.tensor(description['pretrained_cfg'][key]).reshape(1, 3, 1, 1) for key in ('mean', 'std')]
    x = (x - colours[0]) / colours[1]
    model = load_network(place).eval()
    with torch.no_grad():
        report('safetensors: timm by greedynas_timm', model(x).numpy())
    assert sum(p.numel() for p in model.parameters()) == facts['params']

    # The lines that users are told, as they stand there.
    pure = description['timm']['stem_stride'] == 2 and not description['timm']['linear_blocks']
    for page, block in told_lines():
        if 'greedynas_timm' not in block and not pure:
            continue
        told = {}
        exec(block.replace('checkpoints/default/exports/12M-1-safetensors', str(place)), told)
        with torch.no_grad():
            report(f'safetensors: the lines of {page}, {"timm alone" if "greedynas_timm" not in block else "helper"}', told['model'].eval()(x).numpy())

    # And it trains there.
    model = load_network(place, drop_rate=0.2, drop_path_rate=0.2).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    labels = torch.from_numpy(expected.argmax(1))
    losses = []
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f'safetensors: three training steps in PyTorch: {losses[0]:.3f} {losses[1]:.3f} {losses[2]:.3f}')


{'onnx': check_onnx, 'savedmodel': check_savedmodel, 'safetensors': check_safetensors}[sys.argv[2]]()
