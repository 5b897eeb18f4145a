# Settings of the project, read by the other scripts.
variable project_name
set project_name "{{ project.name }}"
variable backend
set backend "{{ project.backend }}"
variable part
set part "{{ project.part }}"
variable clock_period
set clock_period {{ project.clock_period }}
variable clock_uncertainty
set clock_uncertainty {{ project.clock_uncertainty }}
variable version
set version "1.0.0"
variable maximum_size
set maximum_size 4096
