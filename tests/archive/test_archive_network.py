"""The network of the test archive: what leaks, what goes wrong on request, and its use by hand."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from dinsar_cli.simulate import SimulatedStack
from support.archive import Archive, faults
from support.archive.listeners import IDLE

TESTS = Path(__file__).parents[1]
BUCKET = "s1-orbits.s3.amazonaws.com"


LEAK = """
import json, urllib.request
try:
    urllib.request.urlopen("https://pypi.org")
except OSError as error:
    print(json.dumps(str(error)))
"""


def test_what_leaks_out_is_refused_and_recorded(
    archive: Archive, web: requests.Session, child: Callable[..., Any]
) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        web.get("https://example.org/")
    assert web.get("http://169.254.169.254/latest/meta-data").status_code == 502
    assert "502" in child(LEAK)
    assert archive.refused == ["example.org:443", "http://169.254.169.254/latest/meta-data", "pypi.org:443"]
    assert archive.log == []


def test_a_child_sees_nothing_of_the_surroundings(tmp_path: Path, simulated: SimulatedStack) -> None:
    """In a process with secrets and proxies in its environment, `env` gives none of them."""
    foreign = {
        "EARTHDATA_TOKEN": "s",
        "aws_secret_access_key": "s",
        "NETRC": "s",
        "ALL_PROXY": "s",
        "SSL_CERT_DIR": "s",
    }
    code = (
        "import json, sys; from pathlib import Path; from support.archive import Archive\n"
        "with Archive() as archive: print(json.dumps(archive.env(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    kept = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{TESTS}:{TESTS.parent}", "LANG": "C.UTF-8"}
    done = subprocess.run(command, env=kept | foreign, capture_output=True, text=True, timeout=60, check=True)
    given = json.loads(done.stdout)
    assert not foreign.keys() & given.keys()
    assert kept.items() <= given.items()
    assert given["HOME"] == str(tmp_path / "home")
    assert given["GDAL_CURL_CA_BUNDLE"] == given["REQUESTS_CA_BUNDLE"]


def test_many_clients_and_parts_of_a_file(
    web: requests.Session, archive: Archive, simulated: SimulatedStack
) -> None:
    content = simulated.orbits[0].read_bytes()
    address = f"https://s1-orbits.s3.amazonaws.com/AUX_POEORB/{simulated.orbits[0].name}"

    def part(start: int) -> tuple[int, str, bytes]:
        answer = requests.get(
            address,
            headers={"Range": f"bytes={start}-{start + 999}", "Accept-Encoding": "identity"},
            proxies=web.proxies,
            verify=str(archive.ca_file),
            timeout=20,
        )
        return answer.status_code, answer.headers["Content-Range"], answer.content

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(part, range(0, 16000, 1000)))
    assert answers[3] == (206, f"bytes 3000-3999/{len(content)}", content[3000:4000])
    assert b"".join(body for _, _, body in answers) == content[:16000]
    assert web.get(address, headers={"Range": f"bytes={len(content)}-"}).status_code == 416
    assert web.get(address, headers={"Range": "bytes=-10"}).content == content[-10:]
    whole = web.get(address, headers={"Range": "bytes=10-", "If-Range": '"other"'})
    assert (whole.status_code, whole.content) == (200, content)
    head = web.head(address)
    assert (head.headers["Content-Length"], head.headers["Accept-Ranges"], head.content) == (
        str(len(content)),
        "bytes",
        b"",
    )


@pytest.fixture
def address(simulated: SimulatedStack) -> str:
    return f"https://{BUCKET}/AUX_POEORB/{simulated.orbits[0].name}"


@pytest.fixture
def content(simulated: SimulatedStack) -> bytes:
    return simulated.orbits[0].read_bytes()


def received(session: requests.Session, address: str, **options: Any) -> tuple[bytes, str]:
    """Bytes that came, and the name of the exception that ended them."""
    got = bytearray()
    try:
        with session.get(address, stream=True, timeout=1.0, **options) as answer:
            for chunk in answer.iter_content(1000):
                got += chunk
    except requests.RequestException as error:
        return bytes(got), type(error).__name__
    return bytes(got), ""


def test_bodies_that_end_too_soon(web: requests.Session, archive: Archive, address: str, content: bytes) -> None:
    for fault, ending in (
        (faults.cut(after=5000), "ChunkedEncodingError"),
        (faults.early_close(after=5000), ""),
        (faults.stall(after=5000), "ConnectionError"),
    ):
        rule = archive.fail(BUCKET, fault, r"\.EOF$", times=1)
        assert received(web, address) == (content[:5000], ending), fault.name
        assert rule.struck == 1
        assert archive.log[-1].sent == 5000
        assert received(web, address) == (content, ""), "the fault is over"
    archive.fail(BUCKET, faults.silent(), times=1)
    assert received(web, address) == (b"", "ReadTimeout")
    assert archive.log[-1].status == 200


def test_silent_clients_hold_up_neither_the_others_nor_the_end(content: bytes, simulated: SimulatedStack) -> None:
    with ExitStack() as clients:
        with Archive.from_simulation(simulated.folder) as archive:
            place = ("127.0.0.1", archive.proxy.server_address[1])
            clients.enter_context(socket.create_connection(place))
            tunnel = clients.enter_context(socket.create_connection(place))
            tunnel.sendall(f"CONNECT {BUCKET}:443 HTTP/1.1\r\n\r\n".encode())
            assert tunnel.recv(100).startswith(b"HTTP/1.1 200")
            session = clients.enter_context(requests.Session())
            session.trust_env = False
            session.proxies, session.verify = {"https": archive.proxy_url}, str(archive.ca_file)
            found = session.get(f"https://{BUCKET}/AUX_POEORB/{simulated.orbits[0].name}", timeout=10)
            assert found.content == content
            ending = time.monotonic()
        assert time.monotonic() - ending < IDLE


def test_a_slow_body(web: requests.Session, archive: Archive, address: str, content: bytes) -> None:
    archive.fail(BUCKET, faults.slow(rate=2 * len(content)))
    started = time.monotonic()
    assert received(web, address) == (content, "")
    assert time.monotonic() - started > 0.4


def test_connections_that_fail(web: requests.Session, archive: Archive, address: str, content: bytes) -> None:
    for fault, message in ((faults.refused(), "reset|closed|aborted"), (faults.unresolved(), "502 host not found")):
        archive.fail(BUCKET, fault, times=1)
        with pytest.raises(requests.exceptions.ConnectionError, match=f"(?i){message}"):
            web.get(address, timeout=5)
    archive.down.add(BUCKET)
    with pytest.raises(requests.exceptions.ProxyError, match="502"):
        web.get(address, timeout=5)
    assert (archive.log, archive.refused) == ([], [])
    archive.heal()
    assert web.get(address, timeout=5).content == content


@pytest.mark.parametrize("code", [401, 403, 404, 429, 500, 503])
def test_a_status_and_then_all_is_well(web: requests.Session, archive: Archive, address: str, code: int) -> None:
    archive.fail(BUCKET, faults.status(code, "no", retry_after=7), times=2)
    answers = [web.get(address, timeout=5) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [code, code, 200]
    assert (answers[0].headers["Retry-After"], answers[0].json()) == ("7", {"errors": ["no"]})
    assert [entry.status for entry in archive.log] == [code, code, 200]


def test_pages_instead_of_data(web: requests.Session, archive: Archive, address: str) -> None:
    for fault, code in ((faults.bad_gateway(), 502), (faults.login_page(), 200), (faults.not_json(), 200)):
        archive.fail(BUCKET, fault, times=1)
        answer = web.get(address, timeout=5)
        assert (answer.status_code, answer.headers["Content-Type"]) == (code, "text/html; charset=utf-8")


def test_wrong_bytes(web: requests.Session, archive: Archive, address: str, content: bytes) -> None:
    part = {"Range": "bytes=1000-1999"}
    archive.fail(BUCKET, faults.range_ignored(), times=1)
    answer = web.get(address, headers=part, timeout=5)
    assert (answer.status_code, answer.content) == (200, content)
    archive.fail(BUCKET, faults.wrong_range(), times=1)
    answer = web.get(address, headers=part, timeout=5)
    assert answer.headers["Content-Range"] == f"bytes 1001-1999/{len(content)}"
    assert (answer.status_code, answer.content) == (206, content[1001:2000])
    archive.fail(BUCKET, faults.wrong_content(), times=1)
    answer = web.get(address, timeout=5)
    assert len(answer.content) == len(content)
    digests = [hashlib.sha256(body).digest() for body in (answer.content, content)]
    assert digests[0] != digests[1]
    archive.fail(BUCKET, faults.wrong_size(missing=10), times=1)
    answer = web.get(address, timeout=5)
    assert (answer.headers["Content-Length"], answer.content) == (str(len(content) - 10), content[:-10])


def test_faults_of_the_catalogue(web: requests.Session, archive: Archive) -> None:
    host = "cmr.earthdata.nasa.gov"
    for fault, hits, items in ((faults.short_page(keep=1), 14, 1), (faults.no_results(), 0, 0)):
        archive.fail(host, fault, "granules", times=1)
        answer = web.post(f"https://{host}/search/granules.umm_json", data={"provider": "ASF"}, timeout=5)
        assert (answer.json()["hits"], len(answer.json()["items"])) == (hits, items)
    with pytest.raises(KeyError, match="nobody"):
        archive.fail("nobody.example.org", faults.refused())


def test_another_client_sees_the_same(archive: Archive, address: str, content: bytes, tmp_path: Path) -> None:
    """Exit codes of curl: 18 is a part of a file, 22 a status, 56 a proxy that cannot connect."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    def run() -> int:
        command = [curl, "-sfL", "--max-time", "10", "-o", str(tmp_path / "got"), address]
        return subprocess.run(command, env=archive.env(tmp_path), timeout=20, check=False).returncode

    wanted = {
        faults.cut(after=5000): {18, 56},
        faults.early_close(after=5000): {0},
        faults.status(503): {22},
        faults.unresolved(): {22, 56},
    }
    for fault, codes in wanted.items():
        archive.fail(BUCKET, fault, times=1)
        assert run() in codes, fault.name
    assert run() == 0
    assert (tmp_path / "got").read_bytes() == content


def test_by_hand(simulated: SimulatedStack, tmp_path: Path) -> None:
    """What it prints is all that another terminal needs."""
    command = [sys.executable, "-m", "support.archive", str(simulated.folder)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        script: list[str] = []
        while not (script and script[-1].startswith("#")):
            script.append(serving.stdout.readline())
        address = f"https://s1-orbits.s3.amazonaws.com/AUX_POEORB/{simulated.orbits[0].name}"
        fetch = f"import requests\nassert requests.get('{address}').ok\nprint('fetched')"
        shell = "".join(script) + f'{sys.executable} -c "{fetch}"\n'
        done = subprocess.run(
            [shutil.which("sh") or "sh"], input=shell, capture_output=True, text=True, timeout=60, check=False
        )
        serving.send_signal(signal.SIGINT)
        _, told = serving.communicate(timeout=20)
    assert done.stdout == "fetched\n", done.stderr
    assert serving.returncode == 0
    assert "1 requests; refused: none" in told
