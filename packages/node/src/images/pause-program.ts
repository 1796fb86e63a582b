// The program of a pod's sandbox, made byte by byte: it waits, reaps children that lost their parent, and exits on SIGTERM and
// SIGINT. The job of upstream's build/pause/linux/pause.c, in a static ELF of a few hundred bytes for amd64 and arm64.

export type PauseArchitecture = 'amd64' | 'arm64';

const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const CODE_OFFSET = HEADER_BYTES + PROGRAM_HEADER_BYTES;
const LOAD_ADDRESS = 0x400000n;

/*
 * Both programs do the same without handlers, whose restorer would cost more code than they save:
 *   rt_sigprocmask(SIG_BLOCK, {TERM, INT, CHLD}, NULL, 8)
 *   for (;;) { signal = rt_sigtimedwait(set, NULL, NULL, 8)
 *     if (signal == SIGCHLD) while (wait4(-1, NULL, WNOHANG, NULL) > 0) {}
 *     else if (signal > 0) exit(0) }
 * As pid 1 of a namespace, blocked signals stay pending and are received by rt_sigtimedwait.
 */
const SIGNALS = (1n << 1n) | (1n << 14n) | (1n << 16n);

// The set lies 8 bytes before the code's end, addressed relative to the program counter.
function amd64Code(): number[] {
  const code: number[] = [];
  const emit = (...bytes: number[]) => code.push(...bytes);
  emit(0x48, 0x8d, 0x1d, 0, 0, 0, 0); // lea rbx, [rip+set]
  const setReference = 3;
  emit(0x48, 0x89, 0xde, 0x31, 0xff, 0x31, 0xd2, 0x41, 0xba, 8, 0, 0, 0); // rsi=rbx edi=0 edx=0 r10d=8
  emit(0xb8, 14, 0, 0, 0, 0x0f, 0x05); // rt_sigprocmask
  const wait = code.length;
  emit(0x48, 0x89, 0xdf, 0x31, 0xf6, 0x31, 0xd2, 0x41, 0xba, 8, 0, 0, 0); // rdi=rbx esi=0 edx=0 r10d=8
  emit(0xb8, 128, 0, 0, 0, 0x0f, 0x05); // rt_sigtimedwait
  emit(0x83, 0xf8, 17); // cmp eax, SIGCHLD
  emit(0x74, 0); // je reap
  const toReap = code.length;
  emit(0x85, 0xc0); // test eax, eax
  emit(0x7e, (wait - (code.length + 2)) & 0xff); // jle wait
  emit(0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05); // exit_group(0)
  code[toReap - 1] = code.length - toReap;
  const reap = code.length;
  emit(0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, 0x31, 0xf6, 0xba, 1, 0, 0, 0, 0x45, 0x31, 0xd2); // rdi=-1 esi=0 edx=WNOHANG r10d=0
  emit(0xb8, 61, 0, 0, 0, 0x0f, 0x05); // wait4
  emit(0x85, 0xc0); // test eax, eax
  emit(0x7f, (reap - (code.length + 2)) & 0xff); // jg reap
  emit(0xeb, (wait - (code.length + 2)) & 0xff); // jmp wait
  while (code.length % 8 !== 0) emit(0x90);
  code[setReference] = code.length - (setReference + 4);
  return code;
}

function arm64Code(): number[] {
  const words: number[] = [];
  const emit = (word: number) => words.push(word >>> 0);
  const moveImmediate = (register: number, value: number) => emit(0xd2800000 | (value << 5) | register);
  const moveRegister = (to: number, from: number) => emit(0xaa0003e0 | (from << 16) | to);
  const moveMinusOne = (register: number) => emit(0x92800000 | register);
  const systemCall = (number: number) => {
    moveImmediate(8, number);
    emit(0xd4000001);
  };
  const compare = (register: number, value: number) => emit(0xf100001f | (value << 10) | (register << 5));
  const branchIf = (condition: number, target: number) => emit(0x54000000 | (((target - words.length) & 0x7ffff) << 5) | condition);
  const EQ = 0;
  const GT = 12;
  const LE = 13;
  emit(0); // adr x19, set: filled in below
  moveImmediate(0, 0);
  moveRegister(1, 19);
  moveImmediate(2, 0);
  moveImmediate(3, 8);
  systemCall(135); // rt_sigprocmask
  const wait = words.length;
  moveRegister(0, 19);
  moveImmediate(1, 0);
  moveImmediate(2, 0);
  moveImmediate(3, 8);
  systemCall(137); // rt_sigtimedwait
  compare(0, 17);
  const reap = words.length + 6;
  branchIf(EQ, reap);
  compare(0, 0);
  branchIf(LE, wait);
  moveImmediate(0, 0);
  systemCall(94); // exit_group
  moveMinusOne(0);
  moveImmediate(1, 0);
  moveImmediate(2, 1);
  moveImmediate(3, 0);
  systemCall(260); // wait4
  compare(0, 0);
  branchIf(GT, reap);
  emit(0x14000000 | ((wait - words.length) & 0x3ffffff)); // b wait
  if (words.length % 2 !== 0) emit(0xd503201f);
  const distance = words.length * 4;
  words[0] = (0x10000000 | ((distance & 3) << 29) | ((distance >> 2) << 5) | 19) >>> 0;
  return words.flatMap((word) => [word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, word >>> 24]);
}

export function pauseProgram(architecture: PauseArchitecture): Uint8Array {
  const code = architecture === 'amd64' ? amd64Code() : arm64Code();
  const size = CODE_OFFSET + code.length + 8;
  const file = Buffer.alloc(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(architecture === 'amd64' ? 62 : 183, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(CODE_OFFSET), 24);
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  file.writeUInt16LE(HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, HEADER_BYTES);
  file.writeUInt32LE(5, HEADER_BYTES + 4);
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 16);
  file.writeBigUInt64LE(LOAD_ADDRESS, HEADER_BYTES + 24);
  file.writeBigUInt64LE(BigInt(size), HEADER_BYTES + 32);
  file.writeBigUInt64LE(BigInt(size), HEADER_BYTES + 40);
  file.writeBigUInt64LE(0x10000n, HEADER_BYTES + 48);
  file.set(code, CODE_OFFSET);
  file.writeBigUInt64LE(SIGNALS, CODE_OFFSET + code.length);
  return file;
}
