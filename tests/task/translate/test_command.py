"""A program in between: its arguments, its lines, and all the ways in which it fails."""

import sys
import time

import pytest

from isogloss.errors import TranslatorError, UsageError
from isogloss.task.translate.cached import cached
from isogloss.task.translate.check import Check
from isogloss.task.translate.command import CommandTranslator, filled
from isogloss.task.translate.read import read_translator


def program(tmp_path, body):
    path = tmp_path / "program.py"
    path.write_text("import sys, time\n" + body, encoding="utf-8")
    return [sys.executable, str(path)]


UPPER = "for line in sys.stdin: print(line.rstrip('\\n').upper(), *sys.argv[1:])\n"


def test_lines_in_lines_out_with_the_languages_put_in(tmp_path):
    command = [*program(tmp_path, UPPER), "{source}>{target}", "{target_bcp47}; $(id)"]
    work = CommandTranslator(command)
    made = work.translate(["a b", "größe", ""], "en", "zh-Hant")
    tail = " eng_Latn>cmn_Hant zh-Hant; $(id)"
    assert made == ["A B" + tail, "GRÖSSE" + tail, ""] and work.calls == 1


def test_a_text_of_several_lines_is_put_together_again(tmp_path):
    work = CommandTranslator(program(tmp_path, UPPER))
    texts = ["a\n\nb\r\n", "c\u2028d", " \n "]
    assert work.translate(texts, "eng", "deu") == ["A\n\nB\r\n", "C\u2028D", " \n "]
    assert work.translate(["", "\n"], "eng", "deu") == ["", "\n"] and work.calls == 1


def test_much_more_than_a_pipe_holds(tmp_path):
    texts = [f"{i} " + "x" * 300 for i in range(3000)]
    work = CommandTranslator(program(tmp_path, UPPER))
    assert work.translate(texts, "eng", "deu") == [text.upper() for text in texts]


@pytest.mark.parametrize(
    "body, said",
    [
        ("print('one line')", "read 3 lines and wrote 1"),
        (UPPER + "print('done')", "read 3 lines and wrote 4"),
        ("print('no vocabulary', file=sys.stderr); sys.exit(3)", "status 3; it said: no vocab"),
        ("sys.stdout.buffer.write(b'\\xff\\n' * 3)", "something else than UTF-8"),
        ("sys.exit(0)", "wrote 0"),
    ],
)
def test_failures_are_told(tmp_path, body, said):
    with pytest.raises(TranslatorError, match=said):
        CommandTranslator(program(tmp_path, body)).translate(["a", "b", "c"], "eng", "deu")


def test_too_slow_a_program_ends_with_what_it_started(tmp_path):
    mark = tmp_path / "alive"
    child = f"import time; time.sleep(2.5); open({str(mark)!r}, 'w')"
    body = (
        f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print('loading', file=sys.stderr, flush=True)\ntime.sleep(60)\n"
    )
    began = time.monotonic()
    with pytest.raises(TranslatorError, match=r"more than 1 s .*it said: loading"):
        CommandTranslator(program(tmp_path, body), timeout=1).translate(["a"], "eng", "deu")
    assert time.monotonic() - began < 5
    time.sleep(2)
    assert not mark.exists()


def test_settings_stand_behind_the_kind(tmp_path):
    command = " ".join(program(tmp_path, UPPER))
    plain = read_translator(f"command:{command}")
    work = read_translator(f"command?timeout=0.5&batch=3&wrong=1:{command}")
    assert (work.timeout, work.batch) == (0.5, 3) and work.fingerprint == plain.fingerprint
    assert cached(work, tmp_path / "kept").check == Check(wrong=1)
    endpoint = read_translator("openai?characters=9&prompt=Say%3A:http://localhost:1/v1#m")
    assert (endpoint.characters, endpoint.prompt, endpoint.model) == (9, "Say:", "m")
    for wrong, said in (
        ("command?timeout=soon:cat", r"command\?timeout: .*number"),
        ("command?time=3:cat", r"command\?time: unknown key.*timeout"),
        ("command?wrong=2:cat", r"command\?wrong: .*1"),
        ("openai?network=1:http://localhost:1/v1#m", r"network= is not to be set here"),
        ("command?timeout:cat", "name=value"),
    ):
        with pytest.raises(UsageError, match=said):
            read_translator(wrong)


def test_the_fingerprint_knows_the_program(tmp_path):
    first = CommandTranslator(program(tmp_path, UPPER)).fingerprint
    assert CommandTranslator(program(tmp_path, UPPER)).fingerprint == first
    assert CommandTranslator(program(tmp_path, UPPER), version="2").fingerprint != first
    assert CommandTranslator(program(tmp_path, UPPER + "\n")).fingerprint != first


def test_what_cannot_be_a_command():
    with pytest.raises(UsageError, match="no program 'no-such"):
        CommandTranslator(["no-such-program"])
    for wrong in ([], "cat -n"):
        with pytest.raises(UsageError, match="a command is a list"):
            CommandTranslator(wrong)
    with pytest.raises(UsageError, match="timeout"):
        CommandTranslator(["cat"], timeout=0)


def test_other_braces_stay():
    assert filled(["{x}", "{source}{source}", "{}"], "eng_Latn", "deu_Latn") == [
        "{x}", "eng_Latneng_Latn", "{}"
    ]  # fmt: skip


def test_by_name(tmp_path):
    text = " ".join(f"'{part}'" for part in program(tmp_path, UPPER))
    assert read_translator(f"command:{text} 'two words'").translate(["a"], "eng", "deu") == [
        "A two words"
    ]
    for wrong, said in [
        ("command:", "does not say which"),
        ("cat", "names no translator"),
        ("google:x", "names no translator"),
        ("command:cat 'x", "cannot be taken apart"),
        ("openai:http://localhost/v1", "does not name a model"),
    ]:
        with pytest.raises(UsageError, match=said):
            read_translator(wrong)
    with pytest.raises(UsageError, match=r"unexpected keyword.*beams"):
        read_translator("command:cat", beams=2)
