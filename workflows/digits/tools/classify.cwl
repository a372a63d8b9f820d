cwlVersion: v1.2
class: CommandLineTool
label: Classify one slice
$namespaces:
  iana: https://www.iana.org/assignments/media-types/
hints:
  DockerRequirement:
    dockerPull: localhost/hyflow-digits:1
  ResourceRequirement:
    coresMin: 1
    ramMin: 256
baseCommand: python3
inputs:
  script:
    type: File
    default: {class: File, location: classify.py}
    inputBinding: {position: 1}
  model:
    type: File
    format: iana:application/zip
    secondaryFiles: [^.json]
    inputBinding: {position: 2}
  part:
    type: File
    doc: The slice.
    format: iana:text/csv
    inputBinding: {position: 3}
outputs:
  predictions:
    type: File
    doc: "One line an image: its number, the digit that was written, the digit that was read, the margin."
    format: iana:text/csv
    outputBinding: {glob: predictions-*.csv}
