import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";

export interface NginxPeer {
  /** Hands everything on to one server. */
  plain: number;
  /** 5% by hash of a header go to the second. */
  split: number;
  /** The second gets a copy of everything. */
  mirrored: number;
  stop(): Promise<void>;
}

export function hasNginx(): boolean {
  return spawnSync("nginx", ["-v"]).status === 0;
}

/** nginx before two servers that answer alike: what a canary and a mirror cost with the usual proxy. */
export async function startNginx(directory: string, [first, second]: readonly [number, number]): Promise<NginxPeer> {
  const [plain, split, mirrored] = [await freePort(), await freePort(), await freePort()];
  mkdirSync(directory, { recursive: true });
  const kept = `proxy_http_version 1.1; proxy_set_header Connection "";`;
  const listen = (port: number, inside: string): string => `server { listen 127.0.0.1:${port}; keepalive_requests 100000000; ${inside} }`;
  writeFileSync(join(directory, "nginx.conf"), `
    daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
      upstream first { server 127.0.0.1:${first}; keepalive 64; keepalive_requests 100000000; }
      upstream second { server 127.0.0.1:${second}; keepalive 64; keepalive_requests 100000000; }
      split_clients "$http_slipway_key" $arm { 5% second; * first; }
      ${listen(plain, `location / { proxy_pass http://first; ${kept} }`)}
      ${listen(split, `location / { proxy_pass http://$arm; ${kept} }`)}
      ${listen(mirrored, `location / { mirror /mirror; proxy_pass http://first; ${kept} } location = /mirror { internal; proxy_pass http://second$request_uri; ${kept} }`)}
    }`);
  const child = spawn("nginx", ["-c", join(directory, "nginx.conf"), "-p", directory], { stdio: "ignore" });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (let attempt = 0; attempt < 100 && !(await answers(plain)); attempt++) await new Promise((resolve) => setTimeout(resolve, 50));
  return {
    plain, split, mirrored,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Whether something listens: the floor behind it would not survive a request without a body. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
