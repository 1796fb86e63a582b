/** Fills in one struct, in place. Children are defaulted afterwards. */
export type DefaultFunction = (object: any) => void;
