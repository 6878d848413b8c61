const frameMagic = 0xfd2fb528;
/** The low four bits are the user's own. */
const skippableMagic = 0x184d2a50;
const blockTypes = { rle: 1, reserved: 3 };
const contentSizeBytes = [0, 2, 4, 8];
const dictionaryIdBytes = [0, 1, 2, 4];

/**
 * Finds where the frames of a zstd stream end (RFC 8878, 3.1): Node's decoder reads on with the next frame only where that begins a write of its own, and drops it otherwise, and what Node's own encoder makes may end
 * with an empty one. It decodes nothing, and leaves what is no frame to the decoder.
 */
export class ZstdFrames {
  /** Frames that were whole so far. */
  ended = 0;
  /** Bytes that have to be there before `#next` reads them. */
  #wanted = 4;
  #held: Buffer = Buffer.alloc(0);
  /** Bytes to be passed over before the next are wanted. */
  #passing = 0;
  #next: (field: Buffer) => void;
  #hasChecksum = false;
  #isEnd = false;
  #isLost = false;

  constructor() {
    this.#next = this.#magic;
  }

  /** The chunk in pieces, each of which ends where the chunk or a frame does. */
  split(chunk: Buffer): Buffer[] {
    const pieces: Buffer[] = [];
    let begin = 0;
    let at = 0;
    while (at < chunk.length && !this.#isLost) {
      if (this.#passing > 0) {
        const passed = Math.min(this.#passing, chunk.length - at);
        this.#passing -= passed;
        at += passed;
      } else {
        const taken = chunk.subarray(at, at + this.#wanted - this.#held.length);
        at += taken.length;
        this.#held = Buffer.concat([this.#held, taken]);
        if (this.#held.length === this.#wanted) {
          const field = this.#held;
          this.#held = Buffer.alloc(0);
          this.#next(field);
        }
      }
      if (this.#isEnd && this.#passing === 0) {
        this.#isEnd = false;
        this.ended++;
        pieces.push(chunk.subarray(begin, at));
        begin = at;
      }
    }
    if (begin < chunk.length) pieces.push(chunk.subarray(begin));
    return pieces;
  }

  #want(bytes: number, next: (field: Buffer) => void): void {
    this.#wanted = bytes;
    this.#next = next;
  }

  #frameEnds(passing: number): void {
    this.#passing = passing;
    this.#isEnd = true;
    this.#want(4, this.#magic);
  }

  readonly #magic = (field: Buffer): void => {
    const magic = field.readUInt32LE();
    if (magic === frameMagic) this.#want(1, this.#descriptor);
    else if ((magic & ~0xf) >>> 0 === skippableMagic) this.#want(4, (size) => this.#frameEnds(size.readUInt32LE()));
    else this.#isLost = true;
  };

  readonly #descriptor = (field: Buffer): void => {
    const flags = field[0]!;
    const isSingle = (flags & 0x20) !== 0;
    this.#hasChecksum = (flags & 4) !== 0;
    this.#passing = (isSingle ? 0 : 1) + dictionaryIdBytes[flags & 3]! + (flags >> 6 === 0 && isSingle ? 1 : contentSizeBytes[flags >> 6]!);
    this.#want(3, this.#block);
  };

  readonly #block = (field: Buffer): void => {
    const header = field.readUIntLE(0, 3);
    const type = (header >> 1) & 3;
    if (type === blockTypes.reserved) this.#isLost = true;
    const size = type === blockTypes.rle ? 1 : header >> 3;
    if ((header & 1) === 0) this.#passing = size;
    else this.#frameEnds(size + (this.#hasChecksum ? 4 : 0));
  };
}
