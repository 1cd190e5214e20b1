FROM rocker/r-ver:4.3.2
RUN apt-get update
RUN apt-get install -y libxml2-dev=2.9.13+dfsg-1ubuntu0.3
RUN install2.r --error dplyr ggplot2
RUN R -e 'install.packages("lme4")' \
 && R -e 'remotes::install_github("example/pkg")' \
 && R -e 'remotes::install_github("example/pkg2@9f1c2d3e4b5a")'
COPY analysis.R /
CMD ["Rscript", "/analysis.R"]
