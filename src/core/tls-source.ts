/** A certificate with its chain, and its private key, both in PEM. */
export interface TlsMaterial {
  certificate: string;
  key: string;
}

/** What the doors show to callers over TLS; it changes when the certificate is renewed. */
export interface TlsSource {
  readonly current: TlsMaterial;
  /** The listener hears every later material. Answers with what takes it off again. */
  onChange(listener: (material: TlsMaterial) => void): () => void;
}
