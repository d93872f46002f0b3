"""Print the section of CHANGELOG.md for a tag, or say why there is none.

    python .ci/release_notes.py v0.2.0

The tag must be the version of the package with a v, and the section must have
a date. The README must name the address of the repository, as a package index
shows it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def release_notes(tag: str, root: Path = ROOT) -> str:
    """The section of a tag, without its heading."""
    text = (root / 'mmseg_panet/version.py').read_text(encoding='utf-8')
    (version,) = re.findall(r"^__version__ = '(.+)'$", text, re.M)
    if tag != f'v{version}':
        sys.exit(
            f'expected the tag v{version}, got {tag}; set __version__ in '
            'mmseg_panet/version.py before tagging'
        )
    readme = (root / 'projects_readme.md').read_text(encoding='utf-8')
    if '<address of this repository>' in readme:
        sys.exit(
            'expected the address of this repository in projects_readme.md, '
            'got the placeholder; write it there, and make the links absolute'
        )
    changelog = (root / 'CHANGELOG.md').read_text(encoding='utf-8')
    sections = re.split(r'^## ', changelog, flags=re.M)[1:]
    for section in sections:
        heading, _, notes = section.partition('\n')
        if re.fullmatch(
            rf'\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d', heading.strip()
        ):
            return notes.strip() + '\n'
    sys.exit(
        f"expected a heading '## [{version}] - YYYY-MM-DD' in "
        'CHANGELOG.md, got none; date the section before tagging'
    )


if __name__ == '__main__':
    print(release_notes(sys.argv[1]), end='')
