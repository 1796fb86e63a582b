// Metrics are counted everywhere; see std.
export {
  type Count,
  Counter,
  type Described,
  type Family,
  Histogram,
  HistogramSeries,
  labelText,
  METRIC_SERIES_MAX as SERIES_MAX,
  metricsText,
  observed,
} from '@tiphys/std';
