import { show } from '../shell/shell.js'
import { Training } from './training.js'

show('Training', <Training />)
