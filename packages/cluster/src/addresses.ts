// Arithmetic on IPv4 ranges.

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** The n-th address of a range: 0 is the range's own. */
export function addressAt(cidr: string, index: number): string {
  const [base, length] = cidr.split('/') as [string, string];
  const size = 2 ** (32 - Number(length));
  const first = toNumber(base) - (toNumber(base) % size);
  return toText(first + index);
}

/** The n-th part of a range, each with the given prefix length. */
export function subnetAt(cidr: string, prefixLength: number, index: number): string {
  return `${addressAt(cidr, index * 2 ** (32 - prefixLength))}/${prefixLength}`;
}

/** Whether the address is one of the range's. */
export function isWithin(cidr: string, address: string): boolean {
  const first = toNumber(addressAt(cidr, 0));
  const value = toNumber(address);
  return value >= first && value < first + 2 ** (32 - Number(cidr.split('/')[1]));
}
