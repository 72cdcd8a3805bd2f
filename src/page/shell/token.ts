import { useEffect, useState } from 'preact/hooks'

const KEY = 'pfgm-torch-token'
const told = new Set<() => void>()
let isWanted = false

/** What requests have as a bearer token: until the browser's tab is closed. */
export const token = (): string | undefined => sessionStorage.getItem(KEY) ?? undefined

/** The service asked for another token than the one there is. */
export function tokenRefused(): void {
  isWanted = true
  for (const tell of told) tell()
}

export function keepToken(text: string): void {
  sessionStorage.setItem(KEY, text)
  isWanted = false
  for (const tell of told) tell()
}

/** The token, and whether the service wants another. */
export function useToken(): { readonly token: string | undefined; readonly isWanted: boolean } {
  const [, count] = useState(0)
  useEffect(() => {
    const tell = () => count((before) => before + 1)
    told.add(tell)
    return () => {
      told.delete(tell)
    }
  }, [])
  return { token: token(), isWanted }
}
