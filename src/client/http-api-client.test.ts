import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { errorCatalogue } from "../core/error-catalogue.ts";
import type { AppError } from "../core/errors.ts";
import { HttpApiClient } from "./http-api-client.ts";

const { hint } = errorCatalogue.GATEWAY_MODEL_NOT_FOUND;

describe("HttpApiClient", () => {
  let server: Server;
  before(async () => {
    server = createServer((_request, response) => {
      response.writeHead(404, { "Content-Type": "application/json", "x-error-code": "GATEWAY_MODEL_NOT_FOUND" });
      response.end(JSON.stringify({ error: { message: `There is no model. ${hint}`, code: "model_not_found" } }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => server.close());

  it("takes the hint out of a message on the wires that have one field for both", async () => {
    const api = new HttpApiClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await assert.rejects(api.send("POST", "/v1/chat/completions", {}), (error: AppError) => error.message === "There is no model." && error.hint === hint);
  });

  it("says of an address without its scheme what it lacks", async () => {
    await assert.rejects(new HttpApiClient("127.0.0.1:4400").get("/api/models"), (error: AppError) => error.code === "SERVER_UNREACHABLE" && /begins with http:\/\//.test(error.message));
  });
});
