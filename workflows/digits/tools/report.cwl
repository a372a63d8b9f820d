cwlVersion: v1.2
class: CommandLineTool
label: Write the report
doc: One page of HTML that needs nothing beside it, and the confusion matrix once more as a picture of its own.
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
    default: {class: File, location: report.py}
    inputBinding: {position: 1}
  digits:
    type: File
    doc: The data set, for the pictures.
    format: iana:text/csv
    inputBinding: {position: 2}
  predictions:
    type: File
    format: iana:text/csv
    inputBinding: {position: 3}
  confusion:
    type: File
    format: iana:text/csv
    inputBinding: {position: 4}
  metrics:
    type: File
    format: iana:application/json
    inputBinding: {position: 5}
outputs:
  report:
    type: File
    format: iana:text/html
    outputBinding: {glob: report.html}
  picture:
    type: File
    format: iana:image/svg+xml
    outputBinding: {glob: confusion.svg}
