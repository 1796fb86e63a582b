// What drivers tell of the devices that a claim has (apis/resource/validation validateDeviceStatus, validateUID,
// validateNetworkDeviceData).
import type { resourcev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { addressText, parseBlock } from '../rules/addresses.ts';
import { checkConditions } from '../rules/conditions.ts';
import type { Errors } from '../rules/errors.ts';
import { byteLength } from '../rules/formats.ts';
import { checkDriver, checkLabelLike, checkPoolName, checkRaw, checkSet } from './device-rules.ts';

const CONDITIONS_MAX = 8;
const DATA_BYTES_MAX = 10 * 1024;
const INTERFACE_NAME_BYTES_MAX = 256;
const HARDWARE_ADDRESS_BYTES_MAX = 128;
const ADDRESSES_MAX = 16;
const UUID_LENGTH = 36;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Why a text is no UUID in any of the forms that Go's parser takes. */
function uuidFault(text: string): string | undefined {
  const length = byteLength(text);
  const format = 'invalid UUID format';
  if (length === UUID_LENGTH) return UUID.test(text) ? undefined : format;
  if (length === UUID_LENGTH + 9) {
    if (!/^urn:uuid:/i.test(text)) return `invalid urn prefix: ${JSON.stringify(text.slice(0, 9))}`;
    return UUID.test(text.slice(9)) ? undefined : format;
  }
  if (length === UUID_LENGTH + 2) {
    if (!text.startsWith('{') || !text.endsWith('}')) return 'invalid bracketed UUID format';
    return UUID.test(text.slice(1, -1)) ? undefined : format;
  }
  if (length === UUID_LENGTH - 4) return /^[0-9a-f]*$/i.test(text) ? undefined : format;
  return `invalid UUID length: ${length}`;
}

export function checkShareId(errors: Errors, path: string, id: string | undefined): void {
  if (id === undefined) return;
  const fault = uuidFault(id);
  if (fault !== undefined) errors.push(fieldError.invalid(path, id, `error validating uid: ${fault}`));
  else if (id.length !== UUID_LENGTH || id !== id.toLowerCase()) {
    const why = 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
    errors.push(fieldError.invalid(path, id, why));
  }
}

function checkInterfaceAddress(errors: Errors, path: string, text: string): void {
  const block = parseBlock(text);
  if (!block) {
    errors.push(fieldError.invalid(path, text, 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)'));
    return;
  }
  const canonical = `${addressText(block.family, block.address)}/${block.prefix}`;
  if (text !== canonical) errors.push(fieldError.invalid(path, text, `must be in canonical form (${JSON.stringify(canonical)})`));
}

function checkNetworkData(errors: Errors, path: string, data: resourcev1.NetworkDeviceData | undefined): void {
  if (!data) return;
  const { interfaceName = '', hardwareAddress = '', ips } = data;
  if (byteLength(interfaceName) > INTERFACE_NAME_BYTES_MAX)
    errors.push(fieldError.tooLong(`${path}.interfaceName`, INTERFACE_NAME_BYTES_MAX));
  if (byteLength(hardwareAddress) > HARDWARE_ADDRESS_BYTES_MAX) {
    errors.push(fieldError.tooLong(`${path}.hardwareAddress`, HARDWARE_ADDRESS_BYTES_MAX));
  }
  checkSet(errors, `${path}.ips`, ips, {
    max: ADDRESSES_MAX,
    key: (ip) => ip,
    rule: (ip, at) => checkInterfaceAddress(errors, at, ip),
  });
}

/** What tells a device, or a share of it, from others. */
export const deviceId = ({ driver = '', pool = '', device = '', shareID }: Partial<resourcev1.AllocatedDeviceStatus>) =>
  `${driver}/${pool}/${device}${shareID === undefined ? '' : `/${shareID}`}`;

/** As messages show it. */
const internalId = ({ driver = '', pool = '', device = '', shareID }: Partial<resourcev1.AllocatedDeviceStatus>) => ({
  Driver: driver,
  Pool: pool,
  Device: device,
  ShareID: shareID ?? '',
});

export function checkDeviceStatuses(errors: Errors, status: resourcev1.ResourceClaimStatus | undefined): void {
  const allocated = new Set(status?.allocation?.devices?.results?.map(deviceId));
  checkSet(errors, 'status.devices', status?.devices, {
    max: -1,
    key: deviceId,
    shown: internalId,
    rule(device, at) {
      checkDriver(errors, `${at}.driver`, device.driver);
      checkPoolName(errors, `${at}.pool`, device.pool);
      checkLabelLike(errors, `${at}.device`, device.device);
      checkShareId(errors, `${at}.shareID`, device.shareID);
      if (!allocated.has(deviceId(device))) {
        errors.push(fieldError.invalid(at, internalId(device), 'must be an allocated device in the claim'));
      }
      const count = device.conditions?.length ?? 0;
      if (count > CONDITIONS_MAX) errors.push(fieldError.tooMany(`${at}.conditions`, count, CONDITIONS_MAX));
      checkConditions(errors, `${at}.conditions`, device.conditions);
      if (device.data !== undefined && device.data !== null) checkRaw(errors, `${at}.data`, device.data, DATA_BYTES_MAX);
      checkNetworkData(errors, `${at}.networkData`, device.networkData);
    },
  });
}
