// Times in certificates: what Go's layouts read and would write the same (cryptobyte asn1.go ReadASN1UTCTime, ReadASN1GeneralizedTime).
import { DER } from './der-cursor.ts';

const FORMS = {
  [DER.utcTime]: /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:Z|[+-](\d\d)(\d\d))$/,
  [DER.generalizedTime]: /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:Z|[+-](\d\d)(\d\d))$/,
};
const ZONE_HOURS_MAX = 24;
/** Two digits of a year from here on are of the last century. */
const LAST_CENTURY_FROM = 69;

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
const daysIn = (year: number, month: number) => (month === 2 ? (isLeap(year) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);

export function isDerTime(tag: keyof typeof FORMS, text: string): boolean {
  const match = FORMS[tag].exec(text);
  if (!match) return false;
  const [digits, month, day, hour, minute, second = 0, zoneHours, zoneMinutes] = match
    .slice(1)
    .map((part) => part && Number(part)) as number[];
  const year = tag === DER.generalizedTime ? digits! : digits! + (digits! >= LAST_CENTURY_FROM ? 1900 : 2000);
  if (!(month! >= 1 && month! <= 12 && day! >= 1 && day! <= daysIn(year, month!))) return false;
  if (!(hour! < 24 && minute! < 60 && second < 60)) return false;
  // No difference is written as Z.
  return zoneHours === undefined || (zoneHours <= ZONE_HOURS_MAX && zoneMinutes! < 60 && zoneHours + zoneMinutes! > 0);
}
