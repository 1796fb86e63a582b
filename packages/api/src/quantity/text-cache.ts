// A cache from text to a value made of it, emptied by halves when full. For values that repeat a lot, such as quantities.

/** Returns a function that makes a text's value once, as long as fewer than entriesMax texts are remembered. */
export function boundedCache<T>(entriesMax: number): (text: string, make: () => T) => T {
  let current = new Map<string, T>();
  let previous = new Map<string, T>();
  return (text, make) => {
    let value = current.get(text);
    if (value !== undefined) return value;
    value = previous.get(text) ?? make();
    if (current.size >= entriesMax / 2) {
      previous = current;
      current = new Map();
    }
    current.set(text, value);
    return value;
  };
}
