cwlVersion: v1.2
class: CommandLineTool
label: Split the images
doc: |
  Parts the images into a training part (the first `train_on` of them) and `slices` slices of the rest, of equal size;
  what does not divide evenly goes into the last slice.
$namespaces:
  iana: https://www.iana.org/assignments/media-types/
hints:
  DockerRequirement:
    dockerPull: localhost/hyflow-digits:1
  ResourceRequirement:
    coresMin: 1
    ramMin: 128
baseCommand: python3
inputs:
  script:
    type: File
    default: {class: File, location: split.py}
    inputBinding: {position: 1}
  digits:
    type: File
    doc: One line an image, 64 pixels and the digit that it shows.
    format: iana:text/csv
    inputBinding: {position: 2}
  train_on:
    type: int
    doc: How many images to train with.
    inputBinding: {position: 3, prefix: --train}
  slices:
    type: int
    doc: How many slices to make of the rest.
    inputBinding: {position: 4, prefix: --slices}
outputs:
  training:
    type: File
    format: iana:text/csv
    outputBinding: {glob: train.csv}
  parts:
    type: File[]
    doc: The slices, in order.
    format: iana:text/csv
    outputBinding: {glob: slice-*.csv}
