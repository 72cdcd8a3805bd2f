import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { native } from '../../src/native/native.js'

/** Name and number of parameters of every method of `interface Addon`. */
function declaredSignatures(): Record<string, number> {
  const path = fileURLToPath(new URL('../../src/native/addon.ts', import.meta.url))
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022)
  const declared: Record<string, number> = {}
  source.forEachChild((node) => {
    if (!ts.isInterfaceDeclaration(node) || node.name.text !== 'Addon') return
    for (const member of node.members) {
      if (ts.isMethodSignature(member)) declared[member.name.getText(source)] = member.parameters.length
    }
  })
  return declared
}

it('addon.ts declares what the addon exports, name by name and argument by argument', () => {
  expect(declaredSignatures()).toEqual(native().signatures)
})
