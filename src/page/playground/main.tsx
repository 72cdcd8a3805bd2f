import { show } from '../shell/shell.js'
import { Playground } from './playground.js'
import './style.css'

show('Playground', <Playground />)
