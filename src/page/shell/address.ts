/** Settings of a request; those that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>

/** A path with its query, relative to the page, which may lie below a prefix. */
export function address(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const text = new URLSearchParams(
    Object.fromEntries(given.map(([name, value]) => [name, String(value)])),
  ).toString()
  return text === '' ? path : `${path}?${text}`
}
