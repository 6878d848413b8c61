import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Client, credentials, Metadata, status, type ServiceError } from "@grpc/grpc-js";
import { systemClock } from "../../src/core/clock.ts";
import type { GrpcMethod, GrpcService } from "../../src/core/grpc-service.ts";
import { TimeOrderedIds } from "../../src/core/ids.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { GrpcServer } from "../../src/grpc/grpc-server.ts";
import { FakeInferenceService } from "../../src/serving/open-inference/inference-service.fixture.ts";
import { grpcHealthService, openInferenceGrpcService } from "../../src/serving/index.ts";
import { expectedAnswer, judgedOn, openAccess, type AccessUnderTest, type Expected, type TestCaller } from "./access-callers.ts";

const fake = new FakeInferenceService();
const declared = [openInferenceGrpcService(fake, "0.1.0"), grpcHealthService(fake)];
const bytes = (message: Buffer): Buffer => message;

/** The method without its messages and its handler: a message is the name of a model. */
function withoutHandler(method: GrpcMethod): GrpcMethod {
  return {
    ...method,
    decode: (message: Buffer) => ({ model: message.toString(), name: message.toString(), model_name: message.toString(), service: "" }),
    encode: (answer: Buffer) => answer,
    handle: () => Buffer.from("reached"),
    ...(method.kind === "stream" ? { failure: (error: { code: string }) => Buffer.from(error.code) } : {}),
  } as GrpcMethod;
}

async function serve(services: readonly GrpcService[], { access, clock }: AccessUnderTest): Promise<{ client: Client; close(): Promise<void> }> {
  const server = new GrpcServer({ host: "127.0.0.1", port: 0 }, { services, access: access.gate, ids: new TimeOrderedIds(systemClock), clock, logger: silentLogger });
  const client = new Client(`127.0.0.1:${await server.listen()}`, credentials.createInsecure());
  return { client, close: async () => { client.close(); await server.drain(0); } };
}

const statuses: Partial<Record<status, Expected>> = { [status.UNAUTHENTICATED]: "UNAUTHENTICATED", [status.PERMISSION_DENIED]: "FORBIDDEN", [status.NOT_FOUND]: "MODEL_NOT_FOUND" };

/** What a call ends with: its answer, or the status of its failure. */
function call(client: Client, path: string, kind: GrpcMethod["kind"], model: string, caller: TestCaller): Promise<string> {
  const metadata = new Metadata();
  if (caller.authorization !== undefined) metadata.set("authorization", caller.authorization);
  const failed = (error: ServiceError): string => statuses[error.code] ?? `${error.code} ${error.details}`;
  return new Promise((resolve) => {
    if (kind === "unary") {
      client.makeUnaryRequest(path, bytes, bytes, Buffer.from(model), metadata, (error, answer) => resolve(error === null ? String(answer) : failed(error)));
      return;
    }
    const stream = client.makeBidiStreamRequest(path, bytes, bytes, metadata);
    stream.on("data", (answer: Buffer) => resolve(answer.toString()));
    stream.on("error", (error: ServiceError) => resolve(failed(error)));
    stream.write(Buffer.from(model));
    stream.end();
  });
}

async function violations(client: Client, service: GrpcService, method: GrpcMethod, callers: readonly TestCaller[]): Promise<string[]> {
  const found: string[] = [];
  const on = judgedOn(method.on);
  for (const model of typeof method.on === "object" ? ["mine", "hers", "none"] : ["mine"]) {
    // Cookies are for browsers: on this door they are nothing.
    for (const caller of callers.filter(({ cookie }) => cookie === undefined)) {
      const expected = expectedAnswer(caller, method.access, on, model);
      const got = await call(client, `/${service.name}/${method.name}`, method.kind, model, caller);
      if (got !== expected) found.push(`${method.name} on ${model} by ${caller.name}: ${got}, not ${expected}`);
    }
  }
  return found;
}

describe("the gRPC methods, walked with every kind of caller", () => {
  let under: AccessUnderTest;
  before(async () => { under = await openAccess(); });
  after(() => under.close());

  it("answer as their declaration says", async () => {
    const { client, close } = await serve(declared.map((service) => ({ ...service, methods: service.methods.map(withoutHandler) })), under);
    try {
      const found: string[] = [];
      for (const service of declared) for (const method of service.methods) found.push(...(await violations(client, service, method, under.callers)));
      assert.deepEqual(found, []);
    } finally {
      await close();
    }
  });

  it("go red for every method whose guard is removed", async () => {
    const unguarded = (method: GrpcMethod): GrpcMethod => ({ ...withoutHandler(method), access: "public" });
    const { client, close } = await serve(declared.map((service) => ({ ...service, methods: service.methods.map(unguarded) })), under);
    try {
      for (const service of declared) {
        for (const method of service.methods.filter(({ access }) => access !== "public")) {
          assert.notDeepEqual(await violations(client, service, method, under.callers), [], method.name);
        }
      }
    } finally {
      await close();
    }
  });

  it("write down the changes and the denials, with who it was and on what", async () => {
    const { client, close } = await serve(declared.map((service) => ({ ...service, methods: service.methods.map(withoutHandler) })), under);
    const [viewer, deployer] = ["viewer", "deployer"].map((name) => under.callers.find((caller) => caller.name === name)!);
    const path = "/inference.GRPCInferenceService/RepositoryModelUnload";
    try {
      under.audited.length = 0;
      await call(client, path, "unary", "mine", deployer!);
      await call(client, path, "unary", "mine", viewer!);
      await call(client, path, "unary", "none", deployer!);
      await call(client, "/inference.GRPCInferenceService/ModelInfer", "unary", "mine", viewer!);
      assert.deepEqual(under.audited.map(({ operation, object, result, code }) => [operation, object, result, code]), [
        ["RepositoryModelUnload", "model:mine", "allowed", undefined],
        ["RepositoryModelUnload", "model:mine", "denied", "FORBIDDEN"],
        ["RepositoryModelUnload", "model:none", "failed", "MODEL_NOT_FOUND"],
      ]);
      assert.match(under.audited[0]!.caller.actor, /^key:key_/);
    } finally {
      await close();
    }
  });
});
