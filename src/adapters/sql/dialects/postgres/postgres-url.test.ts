import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { AppError } from "../../../../core/errors.ts";
import { parsePostgresUrl } from "./postgres-url.ts";

describe("parsePostgresUrl", () => {
  let folder: string;
  let certificate: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-url-"));
    certificate = join(folder, "root.pem");
    writeFileSync(certificate, "root");
  });
  after(() => rmSync(folder, { recursive: true }));

  it("reads what a URL says", () => {
    const { tls, ...address } = parsePostgresUrl("postgres://us%40er:p%3A%2Fw:x@db.example:6432/flights%20data?application_name=blue&options=-c%20search_path%3Dx&connect_timeout=2&sslmode=require");
    assert.deepEqual(address, {
      hosts: [{ host: "db.example", port: 6432 }], user: "us@er", password: "p:/w:x", database: "flights data", applicationName: "blue", options: "-c search_path=x", connectTimeoutMs: 2000,
    });
    assert.deepEqual(tls, { rejectUnauthorized: false });
  });

  it("fills in what it does not say", () => {
    const address = parsePostgresUrl("postgresql://127.0.0.1");
    assert.deepEqual([address.hosts, address.user, address.password, address.database, address.applicationName], [[{ host: "127.0.0.1", port: 5432 }], undefined, undefined, undefined, "slipway"]);
  });

  it("takes several hosts, IPv6 and Unix sockets", () => {
    assert.deepEqual(parsePostgresUrl("postgres://u@a:1,[2001:db8::1]:2,c/d").hosts, [{ host: "a", port: 1 }, { host: "2001:db8::1", port: 2 }, { host: "c", port: 5432 }]);
    for (const url of ["postgres://u@%2Fvar%2Frun%2Fpostgresql/d", "postgres://u@/d?host=/var/run/postgresql"]) {
      assert.deepEqual(parsePostgresUrl(url).hosts, [{ host: "/var/run/postgresql", port: 5432 }]);
    }
  });

  it("asks hosts that are not this machine for a certificate that fits, unless the URL says otherwise", () => {
    const tls = (url: string): unknown => parsePostgresUrl(url).tls;
    assert.deepEqual(tls("postgres://db.example/d"), {});
    assert.deepEqual(tls("postgres://127.0.0.1,db.example/d"), {});
    for (const url of ["postgres://db.example/d?sslmode=disable", "postgres://localhost/d", "postgres://[::1]/d", "postgres://127.9.9.9/d", "postgres:///d?host=/run"]) assert.equal(tls(url), false);
    const root = `sslrootcert=${encodeURIComponent(certificate)}`;
    assert.deepEqual(tls(`postgres://db.example/d?${root}`), { ca: Buffer.from("root") });
    for (const mode of ["require", "verify-ca"]) {
      const options = tls(`postgres://db.example/d?sslmode=${mode}&${root}`) as { ca: Buffer; rejectUnauthorized?: boolean; checkServerIdentity?: () => unknown };
      assert.deepEqual([options.ca.toString(), options.rejectUnauthorized, options.checkServerIdentity?.()], ["root", undefined, undefined]);
      assert.ok(options.checkServerIdentity);
    }
  });

  it("refuses what it does not understand, and never shows the password", () => {
    const wrong = [
      "mysql://u:hunter2@h/d", "postgres:/u:hunter2@h/d", "postgres://u:hunter2@h:0/d", "postgres://u:hunter2@h:70000/d", "postgres://u:hunter2@h:x/d", "postgres://u:hunter2@a,:b:1/d",
      "postgres://u:hunter2%@h/d", "postgres://u:hunter2@h/d?sslmode=prefer", "postgres://u:hunter2@h/d?sslmode=allow", "postgres://u:hunter2@h/d?sslmode=verify-ca",
      "postgres://u:hunter2@h/d?sslmod=require", "postgres://u:hunter2@h/d?connect_timeout=soon", "postgres://u:hunter2@h/d?sslrootcert=/missing/hunter2.pem",
    ];
    for (const url of wrong) {
      assert.throws(() => parsePostgresUrl(url), (error) => error instanceof AppError && error.code === "CONFIG_INVALID" && !error.message.includes("hunter2"), url);
    }
  });
});
