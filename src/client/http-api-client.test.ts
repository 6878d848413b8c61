import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { errorCatalogue } from "../core/error-catalogue.ts";
import type { AppError } from "../core/errors.ts";
import { HttpApiClient } from "./http-api-client.ts";

const { hint } = errorCatalogue.GATEWAY_MODEL_NOT_FOUND;

function refuse(response: ServerResponse): void {
  response.writeHead(404, { "Content-Type": "application/json", "x-error-code": "GATEWAY_MODEL_NOT_FOUND" });
  response.end(JSON.stringify({ error: { message: `There is no model. ${hint}`, code: "model_not_found" } }));
}

describe("HttpApiClient", () => {
  let server: Server;
  let api: HttpApiClient;
  let answer: (response: ServerResponse, asked: { method: string; url: string; body: string }) => void;
  before(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => answer(response, { method: request.method!, url: request.url!, body }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    api = new HttpApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  beforeEach(() => (answer = refuse));
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  it("takes the hint out of a message on the wires that have one field for both", async () => {
    const told = (error: AppError): boolean => error.code === "GATEWAY_MODEL_NOT_FOUND" && error.message === "There is no model." && error.hint === hint;
    await assert.rejects(api.send("POST", "/v1/chat/completions", {}), told);
    await assert.rejects(api.stream("/v1/chat/completions", {})[Symbol.asyncIterator]().next(), told);
  });

  it("says of an address without its scheme what it lacks", async () => {
    await assert.rejects(new HttpApiClient("127.0.0.1:4400").get("/api/models"), (error: AppError) => error.code === "SERVER_UNREACHABLE" && /begins with http:\/\//.test(error.message));
  });

  it("asks with the query that is said, whatever the method", async () => {
    answer = (response, { method, url, body }) => void response.end(JSON.stringify([method, url, body]));
    assert.deepEqual(await api.send("POST", "/x", { a: 1 }, { team: "a b&c", limit: 2, none: undefined }), ["POST", "/x?team=a+b%26c&limit=2", '{"a":1}']);
    assert.deepEqual(await api.send("DELETE", "/x", undefined, { none: undefined }), ["DELETE", "/x", ""]);
    assert.deepEqual(await api.get("/x", { limit: 2 }), ["GET", "/x?limit=2", ""]);
  });

  it("streams what is answered to a POST as it comes, and ends the request of who stops reading", async () => {
    let closed: Promise<unknown> | undefined;
    answer = (response, { method, body }) => {
      closed = once(response, "close");
      response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
      response.write(`data: ${method} ${body}\n\n`);
    };
    const events = api.stream("/x", { a: 1 });
    assert.deepEqual((await events.next()).value, { event: "message", data: 'POST {"a":1}' });
    await events.return(undefined);
    await closed;
  });

  it("fails where a stream breaks off, where it is none, and with the reason of a signal", async () => {
    const read = async (signal?: AbortSignal): Promise<void> => {
      for await (const event of api.stream("/x", {}, signal)) if (event.data === "now") stop.abort(new Error("enough"));
    };
    const stop = new AbortController();
    answer = (response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: first\n\n", () => response.destroy());
    };
    await assert.rejects(read(), (error: AppError) => error.code === "SERVER_UNREACHABLE" && error.message === `The connection to ${api.baseUrl} broke.`);
    answer = (response) => void response.end("<html>");
    await assert.rejects(read(), (error: AppError) => error.code === "SERVER_UNREACHABLE" && /sends no stream of events \(status 200\)\.$/.test(error.message));
    answer = (response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: now\n\n");
    };
    await assert.rejects(read(stop.signal), /^Error: enough$/);
    await assert.rejects(read(stop.signal), /^Error: enough$/);
  });
});
