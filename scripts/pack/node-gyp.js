#!/usr/bin/env node
// What prebuildify runs in node-gyp's place, which would throw all that was compiled away first.
import { run } from '../install/run.js'

const build = new URL('../install/build.js', import.meta.url).pathname
const { code, output } = await run(process.execPath, [build, '--out', 'build'])
console.log(output)
process.exitCode = code ?? 1
