// What a check throws.

/** A promise of the system was not kept. */
export class Broken extends Error {
  override name = 'Broken';
}
