/** The end of the audit log's chain at some time. */
export interface ChainHead {
  sequence: number;
  hash: string;
}

/** As the command line takes it too: `slipway audit verify --expect SEQUENCE:HASH`. */
export function headText({ sequence, hash }: ChainHead): string {
  return `${sequence}:${hash}`;
}

export function parseHead(text: string): ChainHead | null {
  const match = /^\s*(\d{1,15}):([\w:+/=-]{8,100})\s*$/.exec(text);
  return match === null ? null : { sequence: Number(match[1]), hash: match[2]! };
}
