// Bytes that come in pieces, kept as one: a body sent in pieces of one byte takes the memory of its bytes, not of its pieces.

const BYTES_MIN = 16 * 1024;

export class GatheredBytes {
  #bytes: Uint8Array | undefined;
  /** Of `#bytes`, once it is ours; undefined while it is the only piece that came. */
  #used: number | undefined;

  /** A first piece is kept as it is and must not change; of others, their bytes are copied. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    if (!this.#bytes) {
      this.#bytes = piece;
      return;
    }
    const used = this.#used ?? this.#bytes.length;
    if (this.#used === undefined || used + piece.length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(BYTES_MIN, 2 * used, used + piece.length));
      larger.set(this.#bytes.subarray(0, used));
      this.#bytes = larger;
    }
    this.#bytes.set(piece, used);
    this.#used = used + piece.length;
  }

  /** All that came; undefined where nothing did. Starts anew. */
  take(): Uint8Array | undefined {
    const bytes = this.#bytes?.subarray(0, this.#used);
    this.#bytes = undefined;
    this.#used = undefined;
    return bytes;
  }
}
