// Addresses that traffic may be sent to (apis/core/validation ValidateEndpointIP).
import { fieldError } from '@tiphys/machinery';
import { blockHas, parseAddress, parseBlock } from '../../rules/addresses.ts';
import type { Errors } from '../../rules/errors.ts';

const FORBIDDEN: [blocks: string[], why: (ip: string) => string][] = [
  [['0.0.0.0/32', '::/128'], (ip) => `may not be unspecified (${ip})`],
  [['127.0.0.0/8', '::1/128'], () => 'may not be in the loopback range (127.0.0.0/8, ::1/128)'],
  [['169.254.0.0/16', 'fe80::/10'], () => 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [['224.0.0.0/24', 'ff02::/16'], () => 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];
const BLOCKS = FORBIDDEN.map(([blocks, why]) => ({ blocks: blocks.map((text) => parseBlock(text)!), why }));

export function checkAddressUse(errors: Errors, path: string, ip: string): void {
  const address = parseAddress(ip);
  if (!address) {
    errors.push(fieldError.invalid(path, ip, 'must be a valid IP address'));
    return;
  }
  for (const { blocks, why } of BLOCKS) {
    if (blocks.some((block) => blockHas(block, address))) errors.push(fieldError.invalid(path, ip, why(ip)));
  }
}
