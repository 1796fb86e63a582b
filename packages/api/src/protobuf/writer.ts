// Writes protobuf from the end to the beginning, so that lengths are known when they are written (as gogo's
// MarshalToSizedBuffer does).

const INITIAL_BYTES = 4096;
const TWO_32 = 2 ** 32;

export class BackwardWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #start = INITIAL_BYTES;

  /** Bytes written so far. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  #reserve(size: number): void {
    if (this.#start >= size) return;
    const used = this.length;
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, used + size));
    this.#buffer.copy(bigger, bigger.length - used, this.#start);
    this.#start = bigger.length - used;
    this.#buffer = bigger;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[--this.#start] = value;
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#start -= value.length;
    this.#buffer.set(value, this.#start);
  }

  text(value: string): number {
    const size = Buffer.byteLength(value);
    this.#reserve(size);
    this.#start -= size;
    this.#buffer.write(value, this.#start, size, 'utf8');
    return size;
  }

  /** Whole numbers as two's complement of 64 bits, like Go's uint64(value). */
  varint(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.byte(value);
      return;
    }
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = rest < TWO_32 ? rest >>> 7 : Math.floor(rest / 128)) size++;
    this.#reserve(size);
    this.#start -= size;
    let position = this.#start;
    let rest = value;
    for (; rest >= 0x80; rest = rest < TWO_32 ? rest >>> 7 : Math.floor(rest / 128)) this.#buffer[position++] = (rest % 128) | 0x80;
    this.#buffer[position] = rest;
  }

  #bigVarint(value: bigint): void {
    const out: number[] = [];
    for (let rest = value; ; rest >>= 7n) {
      if (rest < 0x80n) {
        out.push(Number(rest));
        break;
      }
      out.push(Number(rest & 0x7fn) | 0x80);
    }
    this.bytes(Uint8Array.from(out));
  }

  double(value: number): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  tag(number: number, wireType: number): void {
    this.varint(number * 8 + wireType);
  }

  /** A copy of everything written. */
  finish(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#buffer, this.#start);
  }
}
