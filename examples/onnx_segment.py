"""Segment images by a graph of `mmseg-panet export`, without torch."""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('graph', help='file of `mmseg-panet export`')
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('images', nargs='+', type=Path)
    parser.add_argument('--classes', help='.npz file of a graph with --open')
    return parser.parse_args()


if __name__ == '__main__':
    import onnxruntime
    args, feeds = parse_args(), {}
    session = onnxruntime.InferenceSession(args.graph)
    facts = network = session.get_modelmeta().custom_metadata_map
    if args.classes:
        feeds = dict(np.load(args.classes, allow_pickle=False))
        facts = json.loads(str(feeds.pop('facts')))
    if facts['weights_sha256'] != network['weights_sha256']:
        raise SystemExit('the classes are those of another network')
    dtype = np.float32 if 'float' in session.get_inputs()[0].type else np.uint8
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.images:
        image = ImageOps.exif_transpose(Image.open(path)).convert('RGB')
        logits, = session.run(
            ['logits'], {'images': np.asarray(image, dtype)[None], **feeds})
        labels, wide = logits[0].argmax(0), len(logits[0]) > 255
        mask = Image.fromarray(labels.astype(np.uint16 if wide else np.uint8))
        if not wide:
            mask.putpalette(sum(json.loads(facts['palette']), []))
        mask.save(args.out / f'{path.stem}.png')
