"""A Prometheus that finds the tasks of a cluster by the files that they write for it."""

import json
import socket
import subprocess
import urllib.parse
import urllib.request

from debian_tools import program


class Scraper:
    """Scrapes once a second what the files in `targets` name."""

    def __init__(self, folder, targets):
        self.folder, self.targets = folder, targets
        folder.mkdir()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        found = [{"files": [f"{targets}/*.json"], "refresh_interval": "1s"}]
        jobs = [{"job_name": "ndbench", "scrape_interval": "1s", "file_sd_configs": found}]
        (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": jobs}))

    def __enter__(self):
        command = [program("prometheus", "prometheus"), f"--config.file={self.folder}/prometheus.yml",
                   f"--storage.tsdb.path={self.folder}/data", f"--web.listen-address={self.address}"]
        with open(self.folder / "prometheus.log", "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def values(self, query):
        """The answers to a query; none while it starts."""
        url = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return [float(found["value"][1]) for found in json.load(answer)["data"]["result"]]
        except OSError:
            return []

    def files(self):
        return sorted(path.name for path in self.targets.glob("*"))
