import { expect, it } from 'vitest'
import { native } from '../../src/native/native.js'
import { signatures } from './signatures.js'

it('addon.ts declares what the addon exports, name by name and argument by argument', () => {
  const declared = Object.entries(signatures).map(([name, { parameters }]) => [name, parameters.length])
  expect(Object.fromEntries(declared)).toEqual(native().signatures)
})
