import { show } from '../shell/shell.js'

show('Playground', <p>Samples</p>)
