export { append } from './append.ts';
export { derBits, derBoolean, derInteger, derObjectIdentifier, derOctets, derSequence, derSet, derText, derTime, derValue } from './der.ts';
export { Heap } from './heap.ts';
export { InvariantError, invariant, Retryable } from './invariant.ts';
export {
  type Count,
  Counter,
  type Described,
  type Family,
  Histogram,
  HistogramSeries,
  labelText,
  METRIC_SERIES_MAX,
  metricsText,
  observed,
} from './metrics.ts';
export { type Codec, codec } from './protobuf/codec.ts';
export { SortedMap } from './sorted-map.ts';
