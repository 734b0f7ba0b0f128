"""An endpoint that fails in every way an endpoint fails, on this machine."""

import json
import pickle
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import NetworkRefused, TranslatorError, UsageError
from isogloss.task.translate.cached import cached
from isogloss.task.translate.check import sums_of
from isogloss.task.translate.openai import (
    EndpointTranslator,
    Reply,
    is_loopback,
    read_answer,
    retry_after,
)
from isogloss.task.translate.read import read_translator

KEY = "sk-secret-1234"


def completion(text, ended="stop"):
    choice = {"message": {"content": text}, "finish_reason": ended}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


def upper(items):
    return json.dumps([{"number": i["number"], "text": i["text"].upper()} for i in items])


@contextmanager
def server(*plays):
    """An endpoint that answers request after request as it is told, and then as it should.

    A play is `(status, headers, body)`, or what makes the content of an answer from the items.
    """
    seen, left = [], list(plays)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers.get("Authorization"), body))
            play = left.pop(0) if left else upper
            if play is None:  # the connection breaks
                self.close_connection = True
                return
            if not callable(play):
                status, headers, text = play
            else:
                items = json.loads(body["messages"][1]["content"])
                made = play(items)
                made = made if isinstance(made, dict) else completion(made)
                status, headers, text = 200, {}, json.dumps(made)
            data = text.encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": len(data)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}/v1", seen
    finally:
        made.shutdown()
        made.server_close()
        thread.join()


def endpoint(url, **settings):
    waits = []
    work = EndpointTranslator(url, "small", sleep=waits.append, **settings)
    work.waits = waits
    return work


def test_texts_go_out_numbered_and_come_back_in_order(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def mixed(items):
        return "Sure!\n```json\n" + json.dumps(json.loads(upper(items))[::-1]) + "\n```"

    with server(mixed) as (url, seen):
        work = endpoint(url + "/", batch=2)
        texts = ["a\nb", 'c "d"', "größe"]
        assert work.translate(texts, "eng", "cmn_Hant") == ["A\nB", 'C "D"', "GRÖSSE"]
    assert [path for path, _, _ in seen] == ["/v1/chat/completions"] * 2
    assert {key for _, key, _ in seen} == {f"Bearer {KEY}"}
    body = seen[0][2]
    assert body["model"] == "small" and body["temperature"] == 0
    assert json.loads(body["messages"][1]["content"])[1] == {"number": 2, "text": 'c "d"'}
    said = body["messages"][0]["content"]
    assert "English (Latin script)" in said and "Chinese (Traditional script)" in said
    assert '{"number": its number' in said
    assert work.calls == 2 and work.tokens == (14, 6) and work.waits == []


def test_requests_hold_so_many_characters():
    with server() as (url, seen):
        work = endpoint(url, characters=10)
        texts = ["a" * 6, "b" * 4, "c", "d" * 30, "e"]
        assert work.translate(texts, "eng", "deu") == [text.upper() for text in texts]
    sent = [len(json.loads(body["messages"][1]["content"])) for _, _, body in seen]
    assert sent == [2, 1, 1, 1]


def test_what_fails_for_a_time_is_tried_again():
    plays = [(429, {}, "slow down"), (503, {"Retry-After": 7}, ""), None, (500, {}, "oh")]
    with server(*plays) as (url, seen):
        work = endpoint(url)
        assert work.translate(["a"], "eng", "deu") == ["A"]
        assert work.calls == len(seen) == 5 and sums_of(work.told) == {}
    first, second, third, fourth = work.waits
    assert 0.5 <= first < 1.5 and second == 7 and 2 <= third < 6 and 4 <= fourth < 12
    other = EndpointTranslator(url, "small", seed=1, sleep=print)
    assert other.fingerprint == work.fingerprint


def test_after_all_tries_it_is_over_and_what_is_done_is_kept(tmp_path):
    with server(upper, *[(503, {}, "busy")] * 3) as (url, seen):
        work = cached(endpoint(url, tries=3, batch=2), tmp_path)
        with pytest.raises(
            TranslatorError, match=r"failed 3 times; the last time: status 503: busy"
        ):
            work.translate(["a", "b", "c"], "eng", "deu")
        assert work.translate(["a", "b", "c"], "eng", "deu") == ["A", "B", "C"]
    assert len(seen) == 5 and work.sent == 2 and work.spent.calls == pytest.approx(2)


def test_too_long_a_wait_is_refused():
    with (
        server((429, {"Retry-After": 3600}, "")) as (url, _),
        pytest.raises(TranslatorError, match="asks to wait 3600 s"),
    ):
        endpoint(url).translate(["a"], "eng", "deu")


def test_no_answer_in_time():
    slow = lambda items: time.sleep(0.5) or upper(items)  # noqa: E731
    with server(slow) as (url, seen):
        work = endpoint(url, timeout=0.2)
        assert work.translate(["a"], "eng", "deu") == ["A"] and len(seen) == 2


@pytest.mark.parametrize(
    "status, said",
    [(401, "OPENAI_API_KEY"), (403, "may not use"), (404, "check the address"), (402, "refused")],
)
def test_what_will_not_do_better_is_told_at_once_without_the_key(monkeypatch, status, said):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with server((status, {}, f"Incorrect key {KEY} given")) as (url, seen):
        with pytest.raises(TranslatorError, match=said) as caught:
            endpoint(url).translate(["a", "b"], "eng", "deu")
        assert len(seen) == 1 and f"status {status}" in str(caught.value)
    assert KEY not in str(caught.value) and "(key)" in str(caught.value)


def test_no_redirection_is_followed(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with server() as (other, stolen), server((307, {"Location": other}, "")) as (url, _):
        with pytest.raises(TranslatorError, match="its new address"):
            endpoint(url).translate(["a"], "eng", "deu")
        assert stolen == []


def test_an_answer_that_is_no_list_is_asked_for_again_in_halves():
    plays = [
        lambda items: upper(items[:3]),  # one is missing
        lambda items: completion(upper(items), "length"),  # cut
        upper,
        lambda items: "I cannot do that.",
        upper, upper, upper,
    ]  # fmt: skip
    with server(*plays) as (url, seen):
        work = endpoint(url)
        assert work.translate(list("abcd"), "eng", "deu") == list("ABCD")
    sizes = [len(json.loads(body["messages"][1]["content"])) for _, _, body in seen]
    assert sizes == [4, 2, 1, 1, 1, 2]
    assert sums_of(work.told) == {"asked again with fewer": 4}


def test_a_text_that_fails_alone_is_empty_and_counted(tmp_path):
    refuse = lambda items: upper([i for i in items if i["text"] != "b"])  # noqa: E731
    with server(*[refuse] * 5) as (url, seen):
        work = cached(endpoint(url), tmp_path)
        assert work.translate(["a", "b"], "eng", "deu") == ["A", ""]
        assert len(seen) == 5
        assert sums_of(work.told) == {
            "asked again with fewer": 1, "empty translation": 1, "no translation in the answer": 1
        }  # fmt: skip


def test_too_large_a_request_is_halved_and_a_bad_one_is_told():
    with server((413, {}, ""), (400, {}, "context length")) as (url, _):
        assert endpoint(url).translate(list("abcd"), "eng", "deu") == list("ABCD")
    with server(*[(400, {}, "no such parameter")] * 9) as (url, seen):
        with pytest.raises(TranslatorError, match=r"status 400: no such parameter"):
            endpoint(url).translate(list("abcd"), "eng", "deu")
        assert len(seen) == 3


def test_something_else_than_a_completion():
    with (
        server((200, {}, "<html>welcome")) as (url, _),
        pytest.raises(TranslatorError, match="something else than a chat completion: <html>"),
    ):
        endpoint(url).translate(["a"], "eng", "deu")


def test_nobody_is_there():
    with server() as (url, _):
        pass
    with pytest.raises(TranslatorError, match=r"failed 2 times; .*cannot be reached"):
        endpoint(url, tries=2).translate(["a"], "eng", "deu")


def test_the_network_has_to_be_allowed(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(NetworkRefused, match=r"api\.example\.org is another machine"):
        EndpointTranslator("https://api.example.org/v1", "m")
    with pytest.raises(UsageError, match=r"OPENAI_API_KEY .* is not set"):
        EndpointTranslator("https://api.example.org/v1", "m", network=True)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(UsageError, match="unencrypted"):
        EndpointTranslator("http://api.example.org/v1", "m", network=True)
    work = EndpointTranslator("https://api.example.org/v1?version=2", "m", network=True)
    assert work.url == "https://api.example.org/v1/chat/completions?version=2"
    for wrong in ("ftp://x/v1", "localhost:8000", "http://", "http://a:b@localhost/v1",
                  "http://localhost:99999/v1"):  # fmt: skip
        with pytest.raises(UsageError):
            EndpointTranslator(wrong, "m")


def test_the_key_is_written_nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", KEY)
    with server() as (url, _):
        work = cached(read_translator(f"openai:{url}#small", key="MY_KEY"), tmp_path)
        work.translate(["a"], "eng", "deu")
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b'"A"' in written and KEY.encode() not in written
    monkeypatch.setenv("MY_KEY", "another")
    same = EndpointTranslator(url, "small", key="MY_KEY")
    assert same.fingerprint == work.fingerprint
    assert KEY not in repr(work.inner)
    with pytest.raises(TypeError, match="not to be written"):
        pickle.dumps(work.inner)


@pytest.mark.parametrize(
    "host, here",
    [("localhost", True), ("127.3.2.1", True), ("::1", True), ("localhost.evil.org", False),
     ("127.0.0.1.evil.org", False), ("10.0.0.1", False), ("0.0.0.0", False), ("", False)],
)  # fmt: skip
def test_this_machine(host, here):
    assert is_loopback(host) == here


def test_how_long_to_wait():
    assert retry_after(None) == retry_after("soon") == retry_after("-3") == 0
    assert retry_after(" 12 ") == 12
    assert 28 < retry_after(formatdate(time.time() + 30, usegmt=True)) <= 31
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0


@pytest.mark.parametrize(
    "text, made",
    [
        ('[{"number": 1, "text": "a"}, {"number": 2, "text": "b"}]', ["a", "b"]),
        ('{"translations": [{"number": 2, "text": "b"}, {"number": 1, "text": ""}]}', ["", "b"]),
        ('[1] Here: [{"number": 1, "text": "a\n"}, {"number": 2, "text": "b"}]', ["a\n", "b"]),
        ('Item [x]: [{"number": 1, "text": "a\n"}, {"number": 2, "text": "b"}]', ["a\n", "b"]),
        ('[{"number": 1, "text": "a"}, {"number": 1, "text": "b"}]', None),
        ('[{"number": 1, "text": "a"}, {"number": 3, "text": "b"}]', None),
        ('[{"number": 1, "text": "a"}, {"number": 2, "text": 5}]', None),
        ('[{"number": [1], "text": "a"}, {"number": 2, "text": "b"}]', None),
        ('["a", "b"]', None),
        ("[" * 5000, None),
        ("", None),
    ],
)
def test_answers(text, made):
    assert read_answer(Reply(text, "stop"), 2) == made
    assert read_answer(Reply(text, "length"), 2) is None


@given(st.lists(st.text(max_size=8), min_size=1, max_size=5), st.text(max_size=20))
def test_any_answer_is_read_or_refused(texts, around):
    items = [{"number": i, "text": text} for i, text in enumerate(texts, 1)]
    assert read_answer(Reply(json.dumps(items) + around, "stop"), len(texts)) == texts
    read_answer(Reply(around, "stop"), len(texts))
