//! An nginx of the benchmark's own, and wrk.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// One server on a port of its own per upstream; ended when dropped.
pub struct Nginx {
    child: Child,
    ports: Vec<u16>,
}

impl Nginx {
    /// Each upstream by its name and its `server` lines, with connections kept as Dokuen's vhosts keep them.
    pub fn start(dir: &Path, upstreams: &[(&str, String)]) -> Self {
        fs::create_dir_all(dir).unwrap();
        let ports: Vec<u16> = upstreams.iter().map(|_| free_port()).collect();
        let servers: String =
            upstreams.iter().zip(&ports).map(|((name, lines), port)| server(name, lines, *port)).collect();
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|t| format!("{t}_temp_path {}/{t};\n", dir.display()))
            .concat();
        let conf = dir.join("nginx.conf");
        let text = format!(
            "daemon off;\nworker_processes 2;\nuser root;\npid {0}/pid;\nerror_log {0}/error.log;\n\
             events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\n{temp}{servers}}}\n",
            dir.display()
        );
        fs::write(&conf, text).unwrap();
        let nginx = ["/usr/sbin/nginx", "/usr/bin/nginx"].map(PathBuf::from).into_iter().find(|p| p.exists());
        let mut command = Command::new(nginx.expect("nginx (package nginx)"));
        command.arg("-c").arg(&conf).arg("-p").arg(dir).stderr(Stdio::null());
        Self { child: command.spawn().unwrap(), ports }
    }

    pub fn port(&self, side: usize) -> u16 {
        self.ports[side]
    }

    pub fn workers(&self) -> Vec<i32> {
        crate::process::children(self.child.id() as i32)
    }

    pub fn answers(&self, side: usize) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports[side]))?;
            stream.write_all(b"GET / HTTP/1.0\r\nHost: bench\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text.contains(" 200 "))
        };
        ask().unwrap_or(false)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // QUIT to the master, which ends its workers.
        crate::place::signal(self.child.id() as i32, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn server(name: &str, lines: &str, port: u16) -> String {
    format!(
        "upstream {name} {{ {lines} keepalive 256; }}\nserver {{ listen 127.0.0.1:{port}; location / {{\n\
         proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host;\n\
         proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Request-Id $request_id; }} }}\n"
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What wrk gets through, per second; a single failed request ends the benchmark.
pub fn requests(port: u16, seconds: u32, post: bool, dir: &Path) -> f64 {
    let script = dir.join("post.lua");
    fs::write(&script, "wrk.method = \"POST\"\nwrk.body = \"a=1\"\n").unwrap();
    let mut command = Command::new("wrk");
    command.args(["-t1", "-c50", &format!("-d{seconds}s")]);
    if post {
        command.arg("-s").arg(&script);
    }
    let out = command.arg(format!("http://127.0.0.1:{port}/")).output().expect("wrk (package wrk)");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(!text.contains("Socket errors") && !text.contains("Non-2xx"), "{text}");
    let line = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")).unwrap_or_else(|| panic!("{text}"));
    line.trim().parse().unwrap()
}

/// CPU seconds of the children that have ended: wrk's.
pub fn children() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6
}
