"""Records how Ansible cuts `k=v` words and free-form texts: tests/records/splitter.json.

Called with the Python of the Ansible that is asked. Texts come from a fixed seed and from the list below.
"""

import json
import pathlib
import random

from ansible import __version__
from ansible.errors import AnsibleError
from ansible.parsing.splitter import parse_kv

CHOSEN = [
    'src=a dest="/tmp/x y" mode=0644', "echo a=b chdir=/tmp\n  two\n", "a=1  b=2", "echo  hi", "echo hi \\\n  there creates=/x",
    'msg="a\\nb"', 'x={{ a b }} y="{{ c }} d"', 'echo {{ "a b" }} c', "a\\=b c=d", "=x a=", "cmd=\"echo 'a b'\"",
    'echo "x\n  y" removes=z', "msg='it\\'s'", "path=C:\\\\x\\ty", "  lead", "", "\n", "name=a name=b",
]
PIECES = [
    "a", "b=", "=", "c=d", "x y", " ", "  ", "\n", "\\", "\\n", "'", '"', "{{", "}}", " {{ a }} ", "{%", "%}", "{#", "#}", "chdir=",
    "creates=/x ", "\\=", "\\x41", "\\u00e9", "\\U0001F600", "ä", "\\'", '\\"', "\t", "k='v w'", 'q="r\\"s"', "\\t", "\\q", "|", "echo ",
]


def cut(text, is_command):
    try:
        return {str(name): str(value) for name, value in parse_kv(text, check_raw=is_command).items()}
    except AnsibleError:
        return None


def main():
    chance = random.Random(7)
    texts = CHOSEN + ["".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8))) for _ in range(500)]
    cases = [[text, is_command, cut(text, is_command)] for text in texts for is_command in (False, True)]
    path = pathlib.Path(__file__).parents[2] / "records" / "splitter.json"
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(f'{{"ansible": "{__version__}", "cases": [\n{lines}\n]}}\n')


main()
