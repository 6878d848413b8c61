import { createServer } from "node:http";
import { InferenceSession, Tensor } from "onnxruntime-node";

/**
 * The floor: node:http, JSON.parse or a typed array over the body, onnxruntime-node, JSON.stringify or the bytes. No
 * validation, no batching, no log, no metrics. `node http-floor.ts MODEL INPUT WIDTHS OUTPUT`.
 */
const [file, input, widths, output] = process.argv.slice(2) as [string, string, string, string];
const session = await InferenceSession.create(file);
const shape = widths.split("x").map(Number);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const binary = request.headers["inference-header-content-length"];
    let data: Float32Array;
    if (binary === undefined) {
      const parsed = JSON.parse(body.toString()) as { inputs: { data: number[] }[] };
      data = Float32Array.from(parsed.inputs[0]!.data);
    } else {
      const start = Number(binary);
      JSON.parse(body.toString("utf8", 0, start));
      data = new Float32Array(body.buffer.slice(body.byteOffset + start, body.byteOffset + body.length));
    }
    void session.run({ [input]: new Tensor("float32", data, [data.length / shape.reduce((a, b) => a * b), ...shape]) }).then((results) => {
      const tensor = results[output]!;
      const values = tensor.data as Float32Array;
      if (binary === undefined) {
        const text = JSON.stringify({ outputs: [{ name: output, datatype: "FP32", shape: tensor.dims, data: Array.from(values) }] });
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
        response.end(text);
      } else {
        const head = JSON.stringify({ outputs: [{ name: output, datatype: "FP32", shape: tensor.dims, parameters: { binary_data_size: values.byteLength } }] });
        response.writeHead(200, { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": head.length, "Content-Length": head.length + values.byteLength });
        response.write(head);
        response.end(Buffer.from(values.buffer, values.byteOffset, values.byteLength));
      }
    });
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port })));
