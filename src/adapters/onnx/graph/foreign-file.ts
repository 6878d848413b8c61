/**
 * Recognises what people upload by mistake, so that the refusal of bytes that are no ONNX model can say what they are
 * and what to do. `phrase` completes "The file is not an ONNX model: ..."; unless it is `conclusive`, a model may begin like
 * this by chance, and only when reading it fails too is the phrase right. Undefined when nothing is recognised.
 */
export function recogniseForeignFile(bytes: Uint8Array): { phrase: string; conclusive: boolean } | undefined {
  if (bytes.length === 0) return { phrase: "it is empty", conclusive: true };
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 1024)).toString("latin1");
  for (const [recognise, phrase] of signatures) if (recognise(head)) return { phrase, conclusive: recognise === isOrtFormat };
  return undefined;
}

const starts =
  (...prefixes: string[]) =>
  (head: string): boolean =>
    prefixes.some((prefix) => head.startsWith(prefix));
const at =
  (offset: number, text: string) =>
  (head: string): boolean =>
    head.startsWith(text, offset);
/** Text that may begin with a byte order mark, blanks or an XML declaration. */
const text =
  (pattern: RegExp) =>
  (head: string): boolean =>
    pattern.test(head.replace(/^\u00ef\u00bb\u00bf/, "").trimStart());

const signatures: readonly (readonly [(head: string) => boolean, string])[] = [
  [isOrtFormat, "it is in ONNX Runtime's own ORT format; deploy the .onnx file that it was made from"],
  [text(/^version https:\/\/git-lfs\.github\.com\/spec\//), "it is a Git LFS pointer, not the file itself; fetch it with `git lfs pull`"],
  [
    text(/^(<\?xml[^>]*>\s*)?<(!doctype\s+html|html|head|body)\b/i),
    "it is an HTML page, probably an error or login page saved in place of the download",
  ],
  [text(/^<\?xml\b/i), "it is an XML document"],
  [text(/^(\{\s*["}]|\[\s*[[{"\d])/), "it is a JSON document"],
  [starts("PK\u0003\u0004", "PK\u0005\u0006"), "it is a ZIP archive (PyTorch, Keras and NumPy save such files); export the model to ONNX"],
  [isPickle, "it is a Python pickle (pickle, joblib or torch.save); export the model to ONNX, for scikit-learn with skl2onnx"],
  [at(4, "TFL3"), "it is a TensorFlow Lite model; convert it with tf2onnx"],
  [starts("\u0089HDF\r\n"), "it is an HDF5 file (Keras saves such files); convert it with tf2onnx"],
  [starts("\u001f\u008b"), "it is compressed with gzip; unpack it first"],
  [starts("BZh"), "it is compressed with bzip2; unpack it first"],
  [starts("\u00fd7zXZ\u0000"), "it is compressed with xz; unpack it first"],
  [starts("\u0028\u00b5\u002f\u00fd"), "it is compressed with zstd; unpack it first"],
  [at(257, "ustar"), "it is a tar archive; unpack it first"],
  [starts("GGUF"), "it is a GGUF file for llama.cpp"],
  [starts("PAR1"), "it is a Parquet file; give it with --reference"],
  [
    (head) => head.startsWith('\u0000\u0000\u0000\u0000{"', 4),
    "it is a safetensors file, which has weights and no graph; export the model to ONNX",
  ],
  [starts("\u0093NUMPY"), "it is a NumPy array"],
  [starts("\u007fELF", "MZ"), "it is a program"],
];

/** Protocols 2 to 5 begin with their number, 0 and 1 with an opcode; joblib compresses with zlib. */
function isPickle(head: string): boolean {
  const first = head.charCodeAt(0);
  const second = head.charCodeAt(1);
  if (first === 0x80 && second >= 2 && second <= 5) return true;
  if (first === 0x78 && (second === 0x01 || second === 0x5e || second === 0x9c || second === 0xda)) return true;
  return /^(\(?[cdl][\w.]+\n\w+\n|\((dp|lp)\d*\n|\]q\u0000|\}q\u0000)/.test(head);
}

/**
 * The runtime takes a file with this mark for its own format, whatever else it could be read as, so such a file must not
 * pass as ONNX even when it also is.
 */
function isOrtFormat(head: string): boolean {
  return head.startsWith("ORTM", 4);
}
