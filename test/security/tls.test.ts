import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { makeCertificate } from "../kit/certificates.ts";
import { startSecuredServer, type SecuredServer } from "../kit/secured-server.ts";

describe("TLS", () => {
  let directory: string;
  let server: SecuredServer;
  const first = makeCertificate(["localhost", "127.0.0.1"]);
  const second = makeCertificate(["localhost", "127.0.0.1"]);
  const write = ({ certificate, key }: { certificate: string; key: string }): void => {
    writeFileSync(join(directory, "certificate.pem"), certificate);
    writeFileSync(join(directory, "key.pem"), key);
  };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "slipway-tls-"));
    write(first);
    server = await startSecuredServer({ tlsCertificate: join(directory, "certificate.pem"), tlsKey: join(directory, "key.pem") });
  });
  after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true });
  });

  /** A handshake; the certificate that was shown, or the code of the failure. */
  function handshake(port: number, options: object = {}): Promise<string> {
    return new Promise((resolve) => {
      const socket: TLSSocket = connectTls({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false, ...options }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "failed"));
    });
  }

  /** Whether the gRPC door answers over TLS under this certificate. */
  function isLive(certificate: string): Promise<boolean | string> {
    const client = new Client(`localhost:${server.slipway.grpcPort}`, credentials.createSsl(Buffer.from(certificate)));
    const bytes = (buffer: Buffer): Buffer => buffer;
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${server.adminKey}`);
    return new Promise((resolve) => {
      client.makeUnaryRequest("/inference.GRPCInferenceService/ServerLive", bytes, bytes, Buffer.alloc(0), metadata, { deadline: Date.now() + 30_000 }, (error, answer) => {
        client.close();
        resolve(error === null ? answer!.equals(Buffer.of(8, 1)) : error.details);
      });
    });
  }

  it("answers over TLS 1.2 and 1.3, and over nothing older", async () => {
    for (const version of ["TLSv1.2", "TLSv1.3"] as const) assert.equal(await handshake(server.slipway.httpPort, { minVersion: version, maxVersion: version }), first.fingerprint, version);
    for (const version of ["TLSv1", "TLSv1.1"] as const) assert.match(await handshake(server.slipway.httpPort, { minVersion: version, maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" }), /^E|^ERR/, version);
    assert.equal((await server.asAdmin("GET", "/api/models")).status, 200);
  });

  it("answers nothing to plain HTTP, and goes on", async () => {
    const text = await new Promise<string>((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect({ host: "127.0.0.1", port: server.slipway.httpPort }, () => socket.write(`GET /api/models HTTP/1.1\r\nHost: ${server.host}\r\nAuthorization: Bearer ${server.adminKey}\r\n\r\n`));
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(Buffer.concat(chunks).toString("latin1")));
    });
    assert.doesNotMatch(text, /HTTP|models/);
    assert.equal((await server.asAdmin("GET", "/api/models")).status, 200);
  });

  it("makes cookies that browsers send over TLS alone", async () => {
    const answer = await server.send("POST", "/api/session", [`Host: ${server.host}`, "Content-Type: application/json"], JSON.stringify({ key: server.adminKey }));
    assert.match(answer.headers["set-cookie"]![0]!, /^__Host-sid=.*; Secure$/);
  });

  it("shows a renewed certificate to the next connections of both doors, and keeps the old one when the new is wrong", async () => {
    assert.equal(await isLive(first.certificate), true);
    writeFileSync(join(directory, "key.pem"), second.key);
    await server.slipway.reloadCertificate();
    assert.equal(await handshake(server.slipway.httpPort), first.fingerprint);
    assert.ok(server.logged.some((line) => line.includes("certificate.not_renewed")));
    write(second);
    await server.slipway.reloadCertificate();
    assert.equal(await handshake(server.slipway.httpPort), second.fingerprint);
    assert.equal(await handshake(server.slipway.grpcPort, { ALPNProtocols: ["h2"] }), second.fingerprint);
    assert.equal(await isLive(second.certificate), true);
    assert.notEqual(await isLive(first.certificate), true);
    assert.equal((await server.asAdmin("GET", "/api/models")).status, 200);
  });
});
